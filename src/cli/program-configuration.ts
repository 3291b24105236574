import { type Configuration, loadConfiguration } from '../config/load-configuration.js';
import { CROSS_CHECKS, OPTIONS_CLASSES } from '../options-classes.js';

/** The whole configuration, refused for what `serve` refuses too. */
export function loadProgramConfiguration(): Promise<Configuration> {
  return loadConfiguration(OPTIONS_CLASSES, { crossChecks: CROSS_CHECKS });
}

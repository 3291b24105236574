// Loaded before the program: its clock is so many milliseconds ahead as a file says, which may change.
import { readFileSync } from 'node:fs';

const { now } = Date;

Date.now = () => now() + Number(readFileSync(process.env.CLOCK_SHIFT_FILE, 'utf8'));

/** What Kafka takes as the name of a topic, and of a member of a group. */
export const LEGAL_NAME = {
  pattern: /^(?!\.{1,2}$)[\w.-]+$/,
  rule: 'must be letters, digits, dots, hyphens and underscores, and not only one or two dots',
};

export const MAX_NAME_LENGTH = 249;

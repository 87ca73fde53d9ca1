// SPDX-License-Identifier: MIT
/*
 * What a configuration of Fluent Bit is written as: pieces of a pipeline's file, each the beginning of a
 * stage. fluent*.c compares names, too, but those are Fluent Bit's, some of which are the same words.
 *
 * The names here are ours, as every pipeline has them, because the pieces are text that a person could
 * have written in their place. Nothing is looked up by these names and no code asks for one: whether there
 * are such plugins, and take these options, is found out when the file is read, as with any other.
 */
#ifndef IMPORT_FLUENT_TEMPLATES_H
#define IMPORT_FLUENT_TEMPLATES_H

/* Inputs. */
#define FLUENT_AS_TAIL "  - tail:\n"
#define FLUENT_AS_STDIN "  - stdin\n"

/* Filters. */
#define FLUENT_AS_CONTAINER "  - parse: { format: %s }\n"
#define FLUENT_AS_PARSE "  - parse:\n"
#define FLUENT_AS_PARSER FLUENT_AS_PARSE "      format: %s\n"
#define FLUENT_AS_UNPARSED "  - rename: { when: exists(parse_error), fields: { message: "
#define FLUENT_AS_UNPARSED_END " } }\n"
#define FLUENT_AS_PARSED "  - remove: parse_error\n"
#define FLUENT_AS_KEY "  - rename: { message: "
#define FLUENT_AS_SOURCE "  - set: { "
#define FLUENT_AS_SOURCE_END "{ expr: \"@source\" } }\n"
#define FLUENT_AS_GREP "  - where: "
#define FLUENT_AS_SET "  - set: { "
#define FLUENT_AS_RENAME "  - rename: { "
#define FLUENT_AS_REMOVE "  - remove: { "
#define FLUENT_AS_REMOVE_LIST "  - remove: ["
#define FLUENT_AS_ALLOWLIST "  - keep: ["

/* Outputs. */
#define FLUENT_AS_KINESIS "  - kinesis:\n"
#define FLUENT_AS_FIREHOSE "  - firehose:\n"
#define FLUENT_AS_SEARCH "  - elasticsearch:\n"
#define FLUENT_AS_HTTP "  - http:\n"
#define FLUENT_AS_FILE "  - file:\n"
#define FLUENT_AS_STDOUT "  - stdout\n"
#define FLUENT_AS_NOTHING "  - \"null\"\n"

#endif

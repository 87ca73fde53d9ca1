// SPDX-License-Identifier: MIT
/*
 * What the words of `weir ship` are written as: pieces of a pipeline's file.
 *
 * They name stages, as every pipeline does, because they are text that a person could have written in
 * their place. Nothing is looked up by these names and no code asks for one: a URL is known by its
 * scheme, and whether there is the plugin that stands here for it is found out when the file is read.
 */
#ifndef CLI_SHIP_TEMPLATES_H
#define CLI_SHIP_TEMPLATES_H

#define SHIP_STDIN "inputs:\n  - stdin\n"
#define SHIP_FILES                        \
	"inputs:\n"                       \
	"  - tail:\n"                     \
	"      start: beginning\n"        \
	"      last_line_timeout: 10ms\n" \
	"      paths:\n"
#define SHIP_FILTERS "filters:\n"
#define SHIP_PARSE "  - parse:\n"
#define SHIP_WHERE "  - where:\n"
#define SHIP_DEAD_LETTER "dead_letter:\n  - file:\n"

/* How what follows the scheme is taken apart. */
enum ship_shape { SHIP_STREAM, SHIP_URL, SHIP_INDEX, SHIP_PATH, SHIP_HERE };

/* Where to; the first row whose scheme the text begins with. */
static const struct ship_destination {
	const char *scheme;
	enum ship_shape shape;
	const char *expected; /* for who wrote it otherwise */
	const char *output;   /* the stage */
	const char *option;   /* that has the last part of the URL */
	const char *user;     /* before and after { user: ..., password: ... } */
	const char *user_end;
	const char *base;   /* what the address begins with */
	const char *lines;  /* options to send lines as they are */
	const char *fields; /* options to send what they were parsed into */
} ship_destinations[] = {
	{.scheme = "kinesis://",
	 .shape = SHIP_STREAM,
	 .expected = "kinesis://REGION/STREAM",
	 .output = "  - kinesis:\n",
	 .option = "stream",
	 .lines = "      format: line\n"},
	{.scheme = "firehose://",
	 .shape = SHIP_STREAM,
	 .expected = "firehose://REGION/STREAM",
	 .output = "  - firehose:\n",
	 .option = "delivery_stream",
	 .lines = "      format: line\n"},
	{.scheme = "http://",
	 .shape = SHIP_URL,
	 .base = "http://",
	 .output = "  - http:\n",
	 .option = "url",
	 .user = "      basic_auth: ",
	 .user_end = "",
	 .lines = "      format: lines\n"},
	{.scheme = "https://",
	 .shape = SHIP_URL,
	 .base = "https://",
	 .output = "  - http:\n",
	 .option = "url",
	 .user = "      basic_auth: ",
	 .user_end = "",
	 .lines = "      format: lines\n"},
	{.scheme = "es+http://",
	 .shape = SHIP_INDEX,
	 .expected = "es+https://HOST:PORT/INDEX",
	 .base = "http://",
	 .output = "  - elasticsearch:\n",
	 .option = "index",
	 .user = "      auth: { basic: ",
	 .user_end = " }"},
	{.scheme = "es+https://",
	 .shape = SHIP_INDEX,
	 .expected = "es+https://HOST:PORT/INDEX",
	 .base = "https://",
	 .output = "  - elasticsearch:\n",
	 .option = "index",
	 .user = "      auth: { basic: ",
	 .user_end = " }"},
	{.scheme = "file://",
	 .shape = SHIP_PATH,
	 .expected = "file:PATH",
	 .output = "  - file:\n",
	 .option = "path",
	 .lines = "      format: line\n"},
	{.scheme = "file:",
	 .shape = SHIP_PATH,
	 .expected = "file:PATH",
	 .output = "  - file:\n",
	 .option = "path",
	 .lines = "      format: line\n"},
	{.scheme = "-",
	 .shape = SHIP_HERE,
	 .output = "  - stdout:\n",
	 .lines = "      format: line\n",
	 .fields = "      format: json\n"},
};

#endif

// SPDX-License-Identifier: MIT
/*
 * The format `ltsv` (ltsv.org): `label:value` between tabs. A value may hold colons; empty places
 * between tabs are passed over.
 */
#include "pairs.h"
#include "text.h"

static const char *ltsv_parse(struct parse *parse, const struct line *line)
{
	struct cursor c = {line->text, line->text + line->size};

	if (c.at < c.end && c.end[-1] == '\r')
		c.end--;
	pairs_begin(parse);
	while (c.at < c.end) {
		const char *from = c.at, *to = cursor_take_until(&c, '\t'), *colon, *wrong;

		if (!to)
			to = c.at = c.end;
		if (to == from)
			continue;
		colon = memchr(from, ':', (size_t)(to - from));
		if (!colon || colon == from)
			return "a value without a label";
		wrong = pairs_add(parse, (struct weir_slice){from, (uint64_t)(colon - from)},
				  line_value(line, WEIR_STRING, 0, colon + 1, to));
		if (wrong)
			return wrong;
	}
	return parse->count ? pairs_end(parse) : "no label:value";
}

static int ltsv_create(struct parse *parse, const struct weir_node *options,
		       struct weir_error *error)
{
	(void)parse;
	(void)options;
	(void)error;
	return WEIR_OK;
}

const struct parse_format ltsv_format = {
	.name = "ltsv", .create = ltsv_create, .parse = ltsv_parse};

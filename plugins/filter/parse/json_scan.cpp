// SPDX-License-Identifier: MIT
#include "json_scan.h"

#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>

/* The first line must not make the parser grow by single bytes. */
static constexpr size_t capacity_min = 16384;
/* Text for one call of the first stage; with its places it stays in a core's L1 cache. */
static constexpr size_t ahead_max = 8192;
/* Lines that are looked at alone after errors, at most and at first. */
static constexpr uint32_t alone_max = 512, alone_min = 4;

struct json_scan {
	std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
	struct json_scanned scanned;
	const char *line_end; /* of the last line */
	size_t ahead;         /* text for the next call of the first stage; 0: one line */
	uint32_t alone;       /* so many lines more are looked at alone */
	uint32_t distrust;    /* and so many after the next error of several lines */
};

struct json_scan *json_scan_create(void)
{
	auto *scan = new (std::nothrow) json_scan{};

	if (!scan)
		return nullptr;
	if (!simdjson::get_active_implementation()->create_dom_parser_implementation(
		    capacity_min, 1, scan->parser))
		return scan;
	delete scan;
	return nullptr;
}

void json_scan_destroy(struct json_scan *scan)
{
	delete scan;
}

static simdjson::error_code scan_text(struct json_scan *scan, const struct json_line *line,
				      const char *to)
{
	const auto size = static_cast<size_t>(to - line->text);
	auto &parser = *scan->parser;
	simdjson::error_code error = simdjson::SUCCESS;

	scan->scanned.from = scan->scanned.to = nullptr;
	if (parser.capacity() < size + JSON_SPARE_INDEXES)
		error = parser.set_capacity(2 * (size + JSON_SPARE_INDEXES));
	if (!error)
		error = parser.stage1(reinterpret_cast<const uint8_t *>(line->text), size,
				      simdjson::stage1_mode::regular);
	if (error)
		return error;
	for (uint32_t i = 0; i < JSON_SPARE_INDEXES; i++)
		parser.structural_indexes[parser.n_structural_indexes + i] =
			static_cast<uint32_t>(size);
	scan->scanned = {line->text, to, line->batch, parser.structural_indexes.get(),
			 json_backslash(line->text, to)};
	return error;
}

/* The end of the last line that fits into what is to be scanned from this one on, or its own. */
static const char *scan_end(const struct json_scan *scan, const struct json_line *line)
{
	const char *end = line->text + line->size, *to = line->filled;

	if (end >= to || scan->ahead <= line->size)
		return end;
	if (static_cast<size_t>(to - line->text) > scan->ahead)
		to = line->text + scan->ahead;
	to = static_cast<const char *>(memrchr(end, '\n', static_cast<size_t>(to - end)));
	return to ? to : end;
}

/* True when the last call of the first stage has found the places of this line too. What is behind
 * a line changes nothing in it, whatever it is; what is before it nothing when that is a line break. */
static bool is_scanned(const struct json_scan *scan, const struct json_line *line)
{
	const struct json_scanned *scanned = &scan->scanned;
	const char *end = line->text + line->size;

	return scanned->batch == line->batch && line->text > scanned->from && end <= scanned->to &&
	       line->text >= scan->line_end && line->text[-1] == '\n';
}

/* The more lines were behind each other, the more are taken at once. */
static void plan_ahead(struct json_scan *scan, const struct json_line *line)
{
	const bool follows = line->text - scan->line_end >= 1 && line->text - scan->line_end <= 2;

	if (scan->alone) {
		scan->alone--;
		scan->ahead = 0;
	} else if (line->batch == scan->scanned.batch) {
		scan->ahead =
			follows ? 4 * (scan->ahead > line->size ? scan->ahead : line->size) : 0;
	}
	if (scan->ahead > ahead_max)
		scan->ahead = ahead_max;
}

/* Where strings are not closed every now and then, the call for several lines is in vain: the more
 * often it was, the more lines go without. */
static void learn(struct json_scan *scan, bool in_vain)
{
	if (!in_vain) {
		scan->distrust /= 2;
		return;
	}
	scan->ahead = 0;
	scan->distrust = scan->distrust ? 2 * scan->distrust : alone_min;
	if (scan->distrust > alone_max)
		scan->distrust = alone_max;
	scan->alone = scan->distrust;
}

static simdjson::error_code scan_line(struct json_scan *scan, const struct json_line *line)
{
	const char *end = line->text + line->size, *to;
	simdjson::error_code error = simdjson::SUCCESS;

	if (is_scanned(scan, line)) {
		scan->line_end = end;
		return error;
	}
	plan_ahead(scan, line);
	scan->scanned.batch = line->batch;
	scan->line_end = end;
	to = scan_end(scan, line);
	error = scan_text(scan, line, to);
	if (to == end)
		return error;
	learn(scan, error != simdjson::SUCCESS);
	return error ? scan_text(scan, line, end) : error;
}

static const char *why_not(simdjson::error_code code)
{
	switch (code) {
	case simdjson::UTF8_ERROR:
		return "not valid UTF-8";
	case simdjson::EMPTY:
		return "empty line";
	case simdjson::MEMALLOC:
		return "no memory for the line";
	default:
		return "not valid JSON";
	}
}

const char *json_scan_line(struct json_scan *scan, const struct json_line *line,
			   struct json_scanned **ret_scanned)
{
	const simdjson::error_code error = scan_line(scan, line);

	*ret_scanned = &scan->scanned;
	return error ? why_not(error) : nullptr;
}

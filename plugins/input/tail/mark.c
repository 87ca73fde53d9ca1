// SPDX-License-Identifier: MIT
/*
 * The loop over lines in mark_plain() is the agent's hottest: no calls, two stores of a record and
 * a value. Whatever is out of the ordinary (headers, cut lines, holes, lines beyond max_line) goes
 * through mark_line(), one at a time.
 */
#include "mark.h"

#include "lines.h"
#include "multiline.h"

/* Newlines found at a time; the list stays in L1. */
#define STEP 512

#define LIKELY(condition) __builtin_expect(!!(condition), 1)

static const uint8_t *text_of(const struct mark *mark)
{
	return mark->batch->blocks[mark->block].data + mark->base;
}

static int reserve(struct mark *mark, uint32_t records)
{
	return mark->catalog->host->batch_reserve(mark->batch, records, records, 0);
}

/* Writes the record and its value, room for which is reserved. */
static inline void put(struct weir_record *record, struct weir_value *value,
		       const struct mark *mark, uint32_t row, uint32_t start, uint32_t length,
		       uint32_t span, uint16_t flags, int64_t now)
{
	*record = (struct weir_record){
		.row = row,
		.shape = mark->shape,
		.capacity = 1,
		.flags = flags,
		.line_block = mark->block,
		.line_offset = mark->base + start,
		.line_length = length,
		.timestamp_ns = now,
		.position = mark->position + start,
		.span = span,
	};
	*value = (struct weir_value){
		.tag = WEIR_STRING,
		.block = mark->block,
		.length = length,
		.as.offset = mark->base + start,
	};
}

/* `cut` is FILE_CUT_*, or 0 for a whole line. */
static int put_one(struct mark *mark, uint32_t start, uint32_t length, uint32_t span, uint8_t cut)
{
	struct weir_batch *batch = mark->batch;
	const struct weir_slice why = weir_slice_of("the line is longer than max_line");
	uint16_t flags = cut ? WEIR_RECORD_CUT : 0;

	if (reserve(mark, 1) < 0)
		return WEIR_ERR_MEMORY;
	put(&batch->records[batch->record_count], &batch->values[batch->value_count], mark,
	    batch->value_count, start, length, span, flags, batch->read_ns);
	batch->record_count++;
	batch->value_count++;
	if (cut == FILE_CUT_LONG && mark->catalog->options.long_dead)
		mark->catalog->host->record_dead(mark->catalog->context, batch,
						 batch->record_count - 1, "long_line", why);
	return 0;
}

/* Where to cut so that no UTF-8 sequence is torn. */
static uint32_t cut_length(const uint8_t *text, uint32_t max)
{
	for (uint32_t back = 0; back < 4 && back < max; back++)
		if ((text[max - back] & 0xc0) != 0x80)
			return max - back;
	return max;
}

/* Passes on full parts of a line that is too long; *start moves behind them. */
static int put_parts(struct mark *mark, uint32_t *start, uint32_t end)
{
	uint32_t max = mark->catalog->options.max_line;

	while (end - *start > max) {
		uint32_t length = cut_length(text_of(mark) + *start, max);
		int status = put_one(mark, *start, length, length, FILE_CUT_LONG);

		if (status < 0)
			return status;
		mark->long_lines += mark->file->cut != FILE_CUT_LONG;
		mark->file->cut = FILE_CUT_LONG;
		*start += length;
	}
	return 0;
}

/* NUL bytes at the start of a line that are a hole in the file rather than data. */
static uint32_t hole(const struct mark *mark, uint32_t start, uint32_t end)
{
	const uint8_t *text = text_of(mark) + start;
	uint32_t run;

	if (start == end || *text != 0 || mark->file->cut)
		return 0;
	run = (uint32_t)lines_nul_run(text, end - start);
	return run >= MARK_NUL_RUN || mark->position + start == mark->file->hole_end ? run : 0;
}

/* One whole line [start, end) with its newline at end (or none: newline 0). */
static int mark_line(struct mark *mark, uint32_t start, uint32_t end, uint32_t newline)
{
	const uint8_t *text = text_of(mark);
	uint32_t skip = hole(mark, start, end);
	uint32_t length;
	uint8_t cut;
	int status;

	mark->skipped_nul += skip;
	start += skip;
	if (mark->file->header_left) {
		mark->file->header_left--;
		return 0;
	}
	status = put_parts(mark, &start, end);
	if (status < 0)
		return status;
	cut = mark->file->cut;
	mark->file->cut = newline ? 0 : cut ? cut : FILE_CUT_TORN;
	length = end - start;
	if (newline && length && text[end - 1] == '\r')
		length--;
	if (length == 0 && (cut || !mark->catalog->options.keep_empty))
		return 0;
	return put_one(mark, start, length, end - start + newline, cut);
}

/* The lines that end at ends[0 .. count); the first begins at *start. */
static int mark_step(struct mark *mark, uint32_t *start, const uint32_t *ends, uint32_t count)
{
	struct weir_batch *batch = mark->batch;
	const uint8_t *text = text_of(mark);
	const uint32_t max = mark->catalog->options.max_line;
	const int64_t now = batch->read_ns;
	uint32_t from = *start;
	struct weir_record *record;
	struct weir_value *value;
	uint32_t row;

	for (uint32_t i = 0; i < count; i++) {
		if (reserve(mark, count - i) < 0)
			return WEIR_ERR_MEMORY;
		row = batch->value_count;
		record = &batch->records[batch->record_count];
		value = &batch->values[row];
		for (; i < count; i++) {
			uint32_t end = ends[i];
			uint32_t length = end - from;

			if (!LIKELY(length - 1 < max && text[from]))
				break;
			length -= text[end - 1] == '\r';
			if (!LIKELY(length))
				break;
			put(record++, value++, mark, row++, from, length, end - from + 1, 0, now);
			from = end + 1;
		}
		batch->record_count = (uint32_t)(record - batch->records);
		batch->value_count = row;
		if (i < count) {
			if (mark_line(mark, from, ends[i], 1) < 0)
				return WEIR_ERR_MEMORY;
			from = ends[i] + 1;
		}
	}
	*start = from;
	return 0;
}

static int mark_plain(struct mark *mark)
{
	uint32_t ends[STEP];
	uint32_t start = 0;
	uint32_t count;
	int status;

	while ((count = lines_find(text_of(mark), start, mark->size, ends, STEP))) {
		uint32_t odd = 0;

		for (; odd < count && (mark->file->header_left || mark->file->cut); odd++) {
			status = mark_line(mark, start, ends[odd], 1);
			if (status < 0)
				return status;
			start = ends[odd] + 1;
		}
		status = mark_step(mark, &start, ends + odd, count - odd);
		if (status < 0)
			return status;
		mark->consumed = start;
		mark->full = mark->batch->record_count >= MARK_RECORDS_MAX;
		if (mark->full)
			return 0;
	}
	return 0;
}

/* ---- groups of lines --------------------------------------------------------------------------- */

struct group {
	uint32_t start, end; /* end: behind its last newline; 0 = no group */
	uint8_t state;
};

/* Passes the group on, without the line ends after its text. */
static int group_put(struct mark *mark, struct group *group)
{
	const uint8_t *text = text_of(mark);
	uint32_t length;
	int status = 0;

	if (group->end > mark->size)
		group->end = mark->size; /* its last line has no newline */
	length = group->end - group->start;
	while (length &&
	       (text[group->start + length - 1] == '\n' || text[group->start + length - 1] == '\r'))
		length--;
	if (length || mark->catalog->options.keep_empty)
		status = put_one(mark, group->start, length, group->end - group->start, 0);
	mark->consumed = group->end;
	group->end = 0;
	return status;
}

static uint32_t line_length(const uint8_t *text, uint32_t start, uint32_t end)
{
	return end - start - (end > start && text[end - 1] == '\r');
}

static int group_line(struct mark *mark, struct group *group, struct multiline_scratch *scratch,
		      uint32_t start, uint32_t end)
{
	const struct multiline *rules = mark->catalog->options.multiline;
	const uint8_t *text = text_of(mark);
	uint32_t length = line_length(text, start, end);
	int status = 0;

	if (group->end && end + 1 - group->start <= multiline_max_bytes(rules) &&
	    multiline_join(rules, scratch, &group->state, text + start, length)) {
		group->end = end + 1;
	} else {
		if (group->end)
			status = group_put(mark, group);
		if (status == 0 && length == 0 && !mark->catalog->options.keep_empty) {
			mark->consumed = end + 1;
			return 0;
		}
		*group = (struct group){start, end + 1,
					multiline_begin(rules, scratch, text + start, length)};
	}
	if (status == 0 && group->state == MULTILINE_DONE)
		status = group_put(mark, group);
	return status;
}

/* Lines that no rule is asked about: headers, parts of cut lines, lines that are too long. */
static int line_is_odd(const struct mark *mark, uint32_t start, uint32_t end)
{
	return mark->file->header_left || mark->file->cut ||
	       end - start > mark->catalog->options.max_line || hole(mark, start, end);
}

static int mark_grouped(struct mark *mark, struct multiline_scratch *scratch)
{
	struct group group = {0};
	uint32_t ends[STEP];
	uint32_t start = 0;
	uint32_t count;
	int status = 0;

	while (!mark->full && (count = lines_find(text_of(mark), start, mark->size, ends, STEP))) {
		for (uint32_t i = 0; i < count && status == 0; start = ends[i++] + 1) {
			if (!line_is_odd(mark, start, ends[i])) {
				status = group_line(mark, &group, scratch, start, ends[i]);
				continue;
			}
			if (group.end)
				status = group_put(mark, &group);
			if (status == 0)
				status = mark_line(mark, start, ends[i], 1);
			mark->consumed = ends[i] + 1;
		}
		if (status < 0)
			return status;
		mark->full = mark->batch->record_count >= MARK_RECORDS_MAX;
	}
	if (mark->take_rest && !mark->full && start < mark->size &&
	    !line_is_odd(mark, start, mark->size))
		status = group_line(mark, &group, scratch, start, mark->size);
	if (status < 0)
		return status;
	if (group.end && mark->take_group && !mark->full)
		return group_put(mark, &group);
	mark->pending = group.end != 0;
	return 0;
}

static int mark_groups(struct mark *mark)
{
	struct multiline_scratch *scratch = multiline_scratch_new();
	int status = scratch ? mark_grouped(mark, scratch) : WEIR_ERR_MEMORY;

	multiline_scratch_free(scratch);
	return status;
}

/* ---- the last line ------------------------------------------------------------------------------- */

/* Full parts of an unfinished line that is too long already, and all of it when it is to be taken. */
static int mark_rest(struct mark *mark)
{
	uint32_t start = mark->consumed;
	uint32_t skip = hole(mark, start, mark->size);
	int status = 0;

	if (skip == mark->size - start)
		skip = 0; /* what will follow the hole may replace it */
	if (mark->size - start - skip > mark->catalog->options.max_line &&
	    !mark->file->header_left) {
		mark->skipped_nul += skip;
		start += skip;
		status = put_parts(mark, &start, mark->size);
		mark->consumed = start;
	}
	if (status == 0 && mark->take_rest && start < mark->size) {
		status = mark_line(mark, start, mark->size, 0);
		mark->consumed = mark->size;
	}
	return status;
}

int mark_text(struct mark *mark)
{
	int status = mark->catalog->options.multiline ? mark_groups(mark) : mark_plain(mark);

	if (status == 0 && !mark->full && !mark->pending && mark->consumed < mark->size)
		status = mark_rest(mark);
	return status;
}

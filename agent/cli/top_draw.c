// SPDX-License-Identifier: MIT
#include "cli/top_draw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "cli/terminal.h"

#define NAME_WIDTH 23
#define CLEAR_REST "\033[K"
#define REVERSE "\033[7m"
#define AROUND 5 /* lines that are no rows */

static const char *const headings[TOP_SORTS] = {"PIPELINE", "REC/S", "MB/S",  "UNREAD",
						"RETRIES",  "DEAD",  "MEMORY"};
static const int widths[TOP_SORTS] = {NAME_WIDTH, 9, 8, 9, 8, 8, 8};

/* ---- which rows ---- */

static const struct top_view *sorting; /* for qsort(); one thread */

static double key_of(const struct top_row *row)
{
	const double keys[TOP_SORTS] = {0,
					row->records_s,
					row->bytes_s,
					(double)row->lag,
					(double)row->retries,
					(double)row->errors,
					(double)row->memory};

	return keys[sorting->sort];
}

/* Names from A, numbers from the greatest. */
static int by_column(const void *a, const void *b)
{
	const struct top_row *left = *(struct top_row *const *)a;
	const struct top_row *right = *(struct top_row *const *)b;
	double first = key_of(left), second = key_of(right);
	int order = first > second ? -1 : first < second;

	if (order == 0)
		order = strcmp(left->pipeline, right->pipeline);
	return sorting->reversed ? -order : order;
}

/* The pipelines that the filter lets through, in order; the caller frees them. */
static const struct top_row **pipelines_of(const struct top_model *model,
					   const struct top_view *view, size_t *ret_count)
{
	const struct top_row **list = calloc(model->count + 1, sizeof(struct top_row *));

	*ret_count = 0;
	if (!list)
		return NULL;
	for (size_t i = 0; i < model->count; i++)
		if (!model->rows[i].name[0] && strstr(model->rows[i].pipeline, view->filter))
			list[(*ret_count)++] = &model->rows[i];
	sorting = view;
	qsort((void *)list, *ret_count, sizeof(struct top_row *), by_column);
	return list;
}

static size_t place_of(const struct top_row **list, size_t count, const char *pipeline)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i]->pipeline, pipeline) == 0)
			return i;
	return 0;
}

void top_move(const struct top_model *model, struct top_view *view, int by)
{
	size_t count;
	const struct top_row **list = pipelines_of(model, view, &count);

	if (list && count) {
		long at = (long)place_of(list, count, view->chosen) + by;

		at = at < 0 ? 0 : at >= (long)count ? (long)count - 1 : at;
		snprintf(view->chosen, sizeof(view->chosen), "%s", list[at]->pipeline);
	}
	free((void *)list);
}

/* ---- how they look ---- */

static void put_spark(struct buffer *out, const struct top_row *row, const struct top_view *view,
		      int room)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const letters[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
	int width = room < TOP_HISTORY ? room : TOP_HISTORY;
	double most = 0;

	for (int i = 0; i < TOP_HISTORY; i++)
		most = row->history[i] > most ? row->history[i] : most;
	for (int i = TOP_HISTORY - width; i < TOP_HISTORY && most > 0; i++) {
		int level = (int)(row->history[i] / most * 8 + 0.5);

		buffer_text(out, (view->ascii ? letters : blocks)[level]);
	}
}

/* Text of others in so many columns, a character in each: what would act on the terminal is a ?, and what does
 * not fit is marked. Returns the columns that are left. */
static int put_others(struct buffer *out, const struct top_view *view, const char *text, int room)
{
	while (*text && room > 0) {
		size_t size = printable_length(text, strlen(text));
		const char *next = text + (size ? size : 1);

		if (room == 1 && *next)
			buffer_text(out, view->ascii ? "~" : "…");
		else if (size == 0 || (view->ascii && size > 1))
			buffer_text(out, "?");
		else
			buffer_append(out, text, size);
		text = next;
		room--;
	}
	return room;
}

static void put_size(struct buffer *out, int width, int64_t bytes)
{
	static const char *const units[] = {"B", "K", "M", "G", "T", "P"};
	double size = (double)bytes;
	size_t unit = 0;

	for (; size >= 1000 && unit < 5; unit++)
		size /= 1024;
	if (bytes == 0)
		buffer_printf(out, "%*s", width, "-");
	else
		buffer_printf(out, "%*.*f%s", width - 1, unit && size < 100 ? 1 : 0, size,
			      units[unit]);
}

static void put_count(struct buffer *out, int width, int64_t count)
{
	if (count)
		buffer_printf(out, "%*lld", width, (long long)count);
	else
		buffer_printf(out, "%*s", width, "-");
}

static void put_figures(struct buffer *out, const struct top_row *row)
{
	buffer_printf(out, "%*.0f", widths[1], row->records_s);
	buffer_printf(out, "%*.2f", widths[2], row->bytes_s / 1e6);
	put_size(out, widths[3], row->lag);
	put_count(out, widths[4], row->retries);
	put_count(out, widths[5], row->errors);
	put_size(out, widths[6], row->memory);
}

static void put_row(struct buffer *out, const struct top_row *row, struct top_view *view)
{
	int is_stage = row->name[0] != 0;
	int is_chosen = !is_stage && strcmp(row->pipeline, view->chosen) == 0;
	int room = (int)view->width, left;

	for (int i = 0; i < TOP_SORTS; i++)
		room -= widths[i];
	buffer_text(out, is_chosen ? REVERSE : row->note[0] ? TERMINAL_RED : "");
	buffer_text(out, is_stage ? "  " : "");
	left = put_others(out, view, is_stage ? row->name : row->pipeline,
			  NAME_WIDTH - 2 * is_stage);
	buffer_printf(out, "%*s", left, "");
	if (row->is_down) {
		buffer_text(out, "  ");
		(void)put_others(out, view, row->why, (int)view->width - NAME_WIDTH - 2);
		buffer_text(out, TERMINAL_PLAIN CLEAR_REST "\r\n");
		return;
	}
	put_figures(out, row);
	buffer_text(out, " ");
	if (row->note[0])
		(void)put_others(out, view, row->note, room - 1);
	else
		put_spark(out, row, view, room - 1);
	buffer_text(out, TERMINAL_PLAIN CLEAR_REST "\r\n");
}

static void put_head(struct buffer *out, const struct top_model *model, const struct top_view *view)
{
	buffer_printf(out, "\033[H%.*s" CLEAR_REST "\r\n", (int)view->width,
		      view->trouble[0] ? view->trouble : model->title);
	for (int i = 0; i < TOP_SORTS; i++) {
		const char *style = (int)view->sort == i ? TERMINAL_BOLD : TERMINAL_DIM;

		buffer_printf(out, i ? "%s%*s" TERMINAL_PLAIN : "%s%-*s" TERMINAL_PLAIN, style,
			      widths[i], headings[i]);
	}
	buffer_text(out, CLEAR_REST "\r\n");
}

/* `chosen` is the pipeline under the cursor, or NULL. */
static void put_foot(struct buffer *out, const struct top_row *chosen, const struct top_view *view)
{
	if (chosen && chosen->why[0] && !chosen->is_down) {
		buffer_text(out, TERMINAL_RED);
		(void)put_others(out, view, chosen->why, (int)view->width);
		buffer_text(out, TERMINAL_PLAIN CLEAR_REST "\r\n");
	}
	if (view->typing || view->filter[0])
		buffer_printf(out, "/%s%s" CLEAR_REST "\r\n", view->filter,
			      view->typing ? "_" : "");
	buffer_printf(out, TERMINAL_DIM "%.*s" TERMINAL_PLAIN CLEAR_REST "\033[J", (int)view->width,
		      "up, down: choose  enter: open  s: sort  r: reverse  /: filter  q: quit");
}

static int put_stages(struct buffer *out, const struct top_model *model, struct top_view *view,
		      int room)
{
	int put = 0;

	for (uint32_t order = 0; order < model->count; order++)
		for (size_t i = 0; i < model->count && put < room; i++) {
			const struct top_row *row = &model->rows[i];

			if (row->order == order && row->name[0] &&
			    strcmp(row->pipeline, view->open) == 0) {
				put_row(out, row, view);
				put++;
			}
		}
	return put;
}

void top_draw(struct buffer *out, const struct top_model *model, struct top_view *view)
{
	int room = (int)view->height - AROUND;
	size_t count, at;
	const struct top_row **list = pipelines_of(model, view, &count);

	if (!view->chosen[0] && count)
		snprintf(view->chosen, sizeof(view->chosen), "%s", list[0]->pipeline);
	put_head(out, model, view);
	at = list ? place_of(list, count, view->chosen) : 0;
	/* The one that is chosen is always in sight. */
	for (size_t i = (int)at >= room ? at - (size_t)room + 1 : 0; i < count && room > 0; i++) {
		put_row(out, list[i], view);
		room--;
		if (strcmp(list[i]->pipeline, view->open) == 0)
			room -= put_stages(out, model, view, room);
	}
	if (count == 0)
		buffer_text(out, "no pipeline" CLEAR_REST "\r\n");
	put_foot(out, count ? list[at] : NULL, view);
	free((void *)list);
}

// SPDX-License-Identifier: MIT
/*
 * The inputs say which fields their records can have, each filter what it makes of them, and whatever a
 * stage reads is looked for among those that there are at that moment:
 *
 *     inputs ──{message}──▶ parse ──{message, status, …}──▶ set ──▶ outputs
 *
 * A warning is always right: a plugin that says nothing may make any field, and after such a one nothing is
 * warned of. A filter with a `when` leaves some records as they are, so both what it makes and what came
 * to it are there after it. Outputs of the dead letter get records of every kind, and are left out.
 */
#include "pipeline/field_check.h"

#include "base/nearest.h"
#include "config/option_node.h"
#include "expr/expr.h"
#include "expr/names.h"
#include "pipeline/field_set.h"

/* Names that a warning lists. */
#define LISTED_MAX 8
/* Bytes of a name that a warning shows. */
#define SHOWN_MAX 64

/* What a plugin's fields() is handed. */
struct asking {
	struct weir_fields view;
	struct field_set *set;
	const struct field_listener *listener;
};

static struct asking *asking_of(struct weir_fields *fields)
{
	return (struct asking *)(void *)fields;
}

/* ---- warnings -------------------------------------------------------------------------------- */

/* Whole characters only. */
static int shown(struct weir_slice name)
{
	uint64_t size = name.size;

	if (size <= SHOWN_MAX)
		return (int)size;
	for (size = SHOWN_MAX; size && ((unsigned char)name.data[size] & 0xC0) == 0x80;)
		size--;
	return (int)size;
}

__attribute__((format(printf, 2, 3))) static void append(struct weir_error *warning,
							 const char *format, ...)
{
	size_t used = strlen(warning->text);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(warning->text + used, sizeof(warning->text) - used, format, args);
	va_end(args);
}

static void append_names(struct weir_error *warning, const struct field_set *set)
{
	append(warning, set->count ? "; there is " : "; there are none");
	for (uint32_t i = 0; i < set->count && i < LISTED_MAX; i++)
		append(warning, "%s\"%.*s\"", i ? ", " : "", shown(set->names[i]),
		       set->names[i].data);
	if (set->count > LISTED_MAX)
		append(warning, " and %u more", set->count - LISTED_MAX);
}

static void warn(struct asking *asking, struct weir_slice name, struct option_place place)
{
	struct nearest nearest = nearest_to(name);
	struct weir_error warning = {.line = place.line, .column = place.column};

	for (uint32_t i = 0; i < asking->set->count; i++)
		nearest_offer(&nearest, asking->set->names[i]);
	append(&warning, "no record has a field \"%.*s\" here", shown(name), name.data);
	if (nearest.best.size)
		append(&warning, "; did you mean \"%.*s\"?", shown(nearest.best),
		       nearest.best.data);
	else
		append_names(&warning, asking->set);
	asking->listener->warn(asking->listener->user, &warning);
}

/* ---- what a plugin says ---------------------------------------------------------------------- */

static void say_add(struct weir_fields *fields, struct weir_slice name)
{
	field_set_add(asking_of(fields)->set, name);
}

static void say_remove(struct weir_fields *fields, struct weir_slice name)
{
	field_set_remove(asking_of(fields)->set, name);
}

static void say_clear(struct weir_fields *fields)
{
	field_set_clear(asking_of(fields)->set);
}

static void say_any(struct weir_fields *fields)
{
	asking_of(fields)->set->any = 1;
}

/* Of a default there is nothing to mend. */
static void say_reads(struct weir_fields *fields, struct weir_slice name,
		      const struct weir_node *written)
{
	struct asking *asking = asking_of(fields);

	if (written && written->line && !field_set_has(asking->set, name))
		warn(asking, name,
		     written->type == WEIR_TYPE_MAP ? option_node_key_place(written, name)
						    : option_node_place(written, 0));
}

struct reading {
	struct asking *asking;
	const struct weir_node *written;
	uint64_t offset;
};

static void read_name(void *user, const struct expr_name *name)
{
	const struct reading *reading = user;

	for (uint32_t i = 0; i < name->count; i++)
		if (field_set_has(reading->asking->set, name->prefixes[i]))
			return;
	warn(reading->asking, name->prefixes[name->count - 1],
	     option_node_place(reading->written, reading->offset + name->offset));
}

static void say_reads_expr(struct weir_fields *fields, const struct weir_expr *expr,
			   const struct weir_node *written, uint64_t offset)
{
	struct reading reading = {asking_of(fields), written, offset};

	if (expr && written && written->line)
		expr_names(expr, read_name, &reading);
}

/* ---- stages ---------------------------------------------------------------------------------- */

static struct asking asking_begin(struct field_set *set, const struct field_listener *listener)
{
	return (struct asking){.view = {.struct_size = sizeof(struct weir_fields),
					.add = say_add,
					.remove = say_remove,
					.clear = say_clear,
					.any = say_any,
					.reads = say_reads,
					.reads_expr = say_reads_expr},
			       .set = set,
			       .listener = listener};
}

static void check_when(struct asking *asking, const struct weir_context *stage)
{
	if (stage->when)
		say_reads_expr(&asking->view, stage->when[0], stage->config->when_written, 0);
}

/* The answer of a stage; NULL: it gives none, and may make any. */
static void ask(struct asking *asking, const struct weir_context *stage,
		void (*fields)(void *, struct weir_fields *))
{
	if (!fields) {
		asking->set->any = 1;
		return;
	}
	asking->listener->calling(asking->listener->user, stage->plugin);
	fields(stage->instances[0], &asking->view);
}

static void check_filter(struct asking *asking, const struct weir_context *stage)
{
	struct field_set before = {0};

	check_when(asking, stage);
	if (stage->when)
		field_set_add_all(&before, asking->set);
	ask(asking, stage, STAGE_OP(stage->plugin->filter, fields));
	field_set_add_all(asking->set, &before);
	field_set_clear(&before);
}

/* What one of them says is no concern of the others. */
static void check_output(const struct asking *asking, const struct weir_context *stage)
{
	struct field_set fields = {0};
	struct asking own = asking_begin(&fields, asking->listener);

	field_set_add_all(&fields, asking->set);
	check_when(&own, stage);
	ask(&own, stage, STAGE_OP(stage->plugin->output, fields));
	field_set_clear(&fields);
}

void field_check(const struct pipeline *pipeline, const struct field_listener *listener)
{
	struct field_set fields = {0};
	struct asking asking = asking_begin(&fields, listener);

	for (uint32_t i = 0; i < pipeline->input_count; i++)
		ask(&asking, pipeline->inputs[i],
		    STAGE_OP(pipeline->inputs[i]->plugin->input, fields));
	for (uint32_t i = 0; i < pipeline->filter_count; i++)
		check_filter(&asking, pipeline->filters[i]);
	for (uint32_t i = 0; i < pipeline->output_count; i++)
		check_output(&asking, pipeline->outputs[i]);
	field_set_clear(&fields);
}

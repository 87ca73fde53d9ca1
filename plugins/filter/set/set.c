// SPDX-License-Identifier: MIT
/*
 * The filter `set`: gives every record fields with constant or computed values.
 *
 * For each shape of a batch a plan says in which slot each rule's value goes; new fields come after
 * the old ones. A first pass finds out how many rows have no spare slots for them; one reservation
 * later the second pass moves those and fills in the values, in the order written, so that an
 * expression sees what the rules before it have set. An expression that has no value leaves the
 * field as it is. A constant's text is put into a batch once, however many records share it.
 */
#include <stdlib.h>

#include "rule.h"

/* Slots that a moved row gets beyond its need, for the filters after this one. */
#define SPARE 4

/* Text is reserved in pieces of at least this size. */
#define TEXT_PIECE 16384

struct plan {
	int made;
	uint16_t shape;  /* in the batch, with the new fields */
	uint32_t before; /* fields in the old shape */
	uint32_t count;  /* in the new one */
};

struct set {
	const struct weir_services *host;
	struct rule *rules;
	uint32_t rule_count;
	struct plan *plans; /* by index of the shape in the batch */
	uint32_t *slots;    /* rule_count for each plan */
	uint32_t plan_capacity;
	struct weir_value *constants; /* of this batch, one per rule */
	uint32_t values_left;         /* reserved in this batch for rows that are still to move */
	struct weir_slice *keys;      /* while a plan is made */
	uint32_t key_capacity;
};

/* ---- plans ----------------------------------------------------------------------------------- */

static int32_t begin(struct set *set, uint32_t shapes)
{
	struct plan *plans;
	uint32_t *slots;

	if (shapes > set->plan_capacity) {
		plans = realloc(set->plans, shapes * sizeof(*plans));
		if (!plans)
			return WEIR_ERR_MEMORY;
		set->plans = plans;
		slots = realloc(set->slots,
				((size_t)shapes * set->rule_count + 1) * sizeof(*slots));
		if (!slots)
			return WEIR_ERR_MEMORY;
		set->slots = slots;
		set->plan_capacity = shapes;
	}
	if (shapes)
		memset(set->plans, 0, shapes * sizeof(*set->plans));
	return WEIR_OK;
}

static uint32_t key_slot(const struct weir_slice *keys, uint32_t count, struct weir_slice name)
{
	uint32_t slot = 0;

	while (slot < count && (keys[slot].size != name.size ||
				(name.size && memcmp(keys[slot].data, name.data, name.size) != 0)))
		slot++;
	return slot;
}

static int32_t make_plan(struct set *set, struct weir_batch *batch, uint16_t index)
{
	const struct weir_shape *shape = batch->shapes[index];
	struct plan *plan = &set->plans[index];
	uint32_t most = shape->count + set->rule_count, count = shape->count;

	if (most > set->key_capacity) {
		struct weir_slice *keys = realloc(set->keys, 2 * (size_t)most * sizeof(*keys));

		if (!keys)
			return WEIR_ERR_MEMORY;
		set->keys = keys;
		set->key_capacity = 2 * most;
	}
	for (uint32_t i = 0; i < shape->count; i++)
		set->keys[i] = shape->keys[i]->name;
	for (uint32_t i = 0; i < set->rule_count; i++) {
		uint32_t slot = key_slot(set->keys, count, set->rules[i].name);

		if (slot == count)
			set->keys[count++] = set->rules[i].name;
		set->slots[(size_t)index * set->rule_count + i] = slot;
	}
	*plan = (struct plan){1, index, shape->count, count};
	if (count == shape->count)
		return WEIR_OK;
	return set->host->batch_shape(batch, set->keys, count, &plan->shape);
}

/* Makes the plans, and counts the values of the rows that have to move. */
static int32_t make_plans(struct set *set, struct weir_batch *batch)
{
	int32_t result = begin(set, batch->shape_count);

	set->values_left = 0;
	for (uint32_t i = 0; i < batch->record_count && result == WEIR_OK; i++) {
		const struct weir_record *record = &batch->records[i];
		const struct plan *plan = &set->plans[record->shape];

		if (record->flags & WEIR_RECORD_GONE)
			continue;
		if (!plan->made)
			result = make_plan(set, batch, record->shape);
		if (record->capacity < plan->count)
			set->values_left += plan->count + SPARE;
	}
	return result;
}

/* ---- values ---------------------------------------------------------------------------------- */

static int32_t place_constants(struct set *set, struct weir_batch *batch)
{
	for (uint32_t i = 0; i < set->rule_count; i++) {
		const struct rule *rule = &set->rules[i];
		struct weir_value place;
		char *text;

		set->constants[i] = rule->value;
		if (!weir_value_has_text(&rule->value))
			continue;
		text = weir_batch_text(batch, (uint32_t)rule->text.size, &place);
		if (!text)
			return WEIR_ERR_MEMORY;
		if (rule->text.size)
			memcpy(text, rule->text.data, rule->text.size);
		set->constants[i] = weir_value_text(rule->value.tag, 0, place.block,
						    place.as.offset, place.length);
	}
	return WEIR_OK;
}

static uint32_t constant_bytes(const struct set *set)
{
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < set->rule_count; i++)
		if (weir_value_has_text(&set->rules[i].value))
			bytes += (uint32_t)set->rules[i].text.size;
	return bytes;
}

/* Gives the record its new shape; the new fields are absent. */
static int32_t widen(struct set *set, const struct plan *plan, struct weir_batch *batch,
		     struct weir_record *record)
{
	struct weir_value *old = weir_record_row(batch, record);
	uint32_t capacity = plan->count + SPARE, at;
	struct weir_value *row;

	if (record->capacity < plan->count) {
		row = weir_batch_row(batch, capacity, &at);
		if (!row)
			return WEIR_ERR_MEMORY;
		memcpy(row, old, plan->before * sizeof(*row));
		record->row = at;
		record->capacity = (uint16_t)capacity;
		set->values_left -= capacity;
	} else if (plan->count > plan->before) {
		memset(old + plan->before, 0, (plan->count - plan->before) * sizeof(*old));
	}
	record->shape = plan->shape;
	return WEIR_OK;
}

static int32_t compute(struct set *set, const struct rule *rule, struct weir_batch *batch,
		       uint32_t record, struct weir_value *ret_value)
{
	int32_t result = set->host->expr_value(rule->expr, batch, record, ret_value);
	uint32_t size;

	if (result != WEIR_ERR_MEMORY)
		return result;
	size = ret_value->length < TEXT_PIECE ? TEXT_PIECE : ret_value->length;
	if (set->host->batch_reserve(batch, 0, set->values_left, size) != WEIR_OK)
		return WEIR_ERR_MEMORY;
	return set->host->expr_value(rule->expr, batch, record, ret_value);
}

static int32_t set_record(struct set *set, struct weir_batch *batch, uint32_t record)
{
	uint16_t shape = batch->records[record].shape;
	const uint32_t *slots = set->slots + (size_t)shape * set->rule_count;
	int32_t result = widen(set, &set->plans[shape], batch, &batch->records[record]);

	for (uint32_t i = 0; i < set->rule_count && result == WEIR_OK; i++) {
		struct weir_value value = set->constants[i];

		if (set->rules[i].expr)
			result = compute(set, &set->rules[i], batch, record, &value);
		if (result == WEIR_OK && value.tag != WEIR_ABSENT)
			batch->values[batch->records[record].row + slots[i]] = value;
	}
	return result;
}

static int32_t set_process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
	struct set *set = instance;
	int32_t result = make_plans(set, batch);

	if (result == WEIR_OK)
		result = set->host->batch_reserve(batch, 0, set->values_left, constant_bytes(set));
	if (result == WEIR_OK)
		result = place_constants(set, batch);
	for (uint32_t i = 0; i < batch->record_count && result == WEIR_OK; i++)
		if (!(batch->records[i].flags & WEIR_RECORD_GONE))
			result = set_record(set, batch, i);
	if (result != WEIR_OK)
		return weir_fail(
			error, result,
			"set: no room for the new fields of %u records; raise memory_limit",
			batch->record_count);
	return WEIR_OK;
}

/* Each rule sees what those before it have set. */
static void set_fields(void *instance, struct weir_fields *fields)
{
	const struct set *set = instance;

	for (uint32_t i = 0; i < set->rule_count; i++) {
		const struct rule *rule = &set->rules[i];

		fields->reads_expr(fields, rule->expr, rule->written, 0);
		fields->add(fields, rule->name);
	}
}

/* ---- lifecycle ------------------------------------------------------------------------------- */

static void set_destroy(void *instance)
{
	struct set *set = instance;

	if (!set)
		return;
	for (uint32_t i = 0; i < set->rule_count; i++)
		rule_done(set->host, &set->rules[i]);
	free(set->rules);
	free(set->plans);
	free(set->slots);
	free(set->constants);
	free(set->keys);
	free(set);
}

static int32_t set_create(const struct weir_services *host, struct weir_context *context,
			  const struct weir_node *options, void **ret_instance,
			  struct weir_error *error)
{
	const struct weir_node *fields = weir_node_find(options, "fields");
	struct set *set = calloc(1, sizeof(*set));
	int32_t result = WEIR_OK;

	(void)context;
	if (!set)
		return weir_fail(error, WEIR_ERR_MEMORY, "set: no memory");
	set->host = host;
	set->rules = calloc(fields->count + 1, sizeof(*set->rules));
	set->constants = calloc(fields->count + 1, sizeof(*set->constants));
	if (!set->rules || !set->constants)
		result = weir_fail(error, WEIR_ERR_MEMORY, "set: no memory");
	for (uint32_t i = 0; i < fields->count && result == WEIR_OK; i++) {
		result =
			rule_create(host, fields->keys[i], fields->items[i], &set->rules[i], error);
		set->rule_count = i + 1;
	}
	if (result != WEIR_OK) {
		set_destroy(set);
		return result;
	}
	*ret_instance = set;
	return WEIR_OK;
}

static const struct weir_option set_options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_MAP,
	 .element = WEIR_TYPE_ANY,
	 .flags = WEIR_OPTION_REQUIRED | WEIR_OPTION_COMPUTED,
	 .name = "fields",
	 .doc = "Values by field: constants with YAML's types, or {expr: \"an expression\"}"},
	WEIR_OPTION_END,
};

static const struct weir_filter_ops set_ops = {
	.struct_size = sizeof(set_ops),
	.create = set_create,
	.destroy = set_destroy,
	.process = set_process,
	.fields = set_fields,
};

static const struct weir_plugin set_plugin = {
	.struct_size = sizeof(set_plugin),
	.kind = WEIR_FILTER,
	.name = "set",
	.version = WEIR_VERSION,
	.summary = "Gives records fields with constant or computed values",
	.options = set_options,
	.filter = &set_ops,
	.short_option = "fields",
};

static const struct weir_plugin *const all[] = {&set_plugin};
WEIR_PLUGINS(all);

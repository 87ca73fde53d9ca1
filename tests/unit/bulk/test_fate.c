// SPDX-License-Identifier: MIT
/* What each kind of item means. The texts are those of OpenSearch 2.19 and Elasticsearch 8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/bulk/bulk_fate.h"

static const struct {
	uint32_t status, flags;
	const char *type, *reason;
	uint32_t fate;
} cases[] = {
	{200, 0, "", "", BULK_DELIVERED},
	{201, 0, "", "", BULK_DELIVERED},
	{409, 0, "version_conflict_engine_exception", "[a]: version conflict", BULK_REPLAYED},
	{409, 0, "", "", BULK_REPLAYED},
	{409, 0, "some_other_exception", "", BULK_RETRY},
	{429, 0, "es_rejected_execution_exception", "rejected execution of ...", BULK_RETRY},
	{429, 0, "circuit_breaking_exception", "[parent] Data too large", BULK_RETRY},
	{408, 0, "", "", BULK_RETRY},
	{500, 0, "", "", BULK_RETRY},
	{503, 0, "unavailable_shards_exception", "primary shard is not active", BULK_RETRY},
	{301, 0, "", "", BULK_RETRY},
	{400, 0, "mapper_parsing_exception", "failed to parse field [x]", BULK_DEAD},
	{400, 0, "document_parsing_exception", "failed to parse field [x]", BULK_DEAD},
	{400, 0, "strict_dynamic_mapping_exception", "introduction of [x]", BULK_DEAD},
	{400, 0, "illegal_argument_exception", "Limit of total fields [10] has been exceeded",
	 BULK_DEAD},
	{400, 0, "invalid_index_name_exception", "Invalid index name", BULK_DEAD},
	{413, 0, "", "", BULK_DEAD},
	{403, 0, "cluster_block_exception",
	 "index [x] blocked by: [FORBIDDEN/8/index write (api)];", BULK_HOLD},
	{429, 0, "cluster_block_exception",
	 "index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage", BULK_HOLD},
	{403, 0, "security_exception", "no permissions for [indices:data/write/bulk]", BULK_HOLD},
	{401, 0, "security_exception", "", BULK_HOLD},
	{404, 0, "index_not_found_exception", "no such index [x]", BULK_HOLD},
	{404, BULK_NAMES_FROM_RECORDS, "index_not_found_exception", "no such index [x]", BULK_DEAD},
	{400, 0, "index_closed_exception", "closed", BULK_HOLD},
	{400, 0, "illegal_argument_exception", "pipeline with id [none] does not exist", BULK_HOLD},
	{400, 0, "validation_exception",
	 "Validation Failed: 1: this action would add [2] total shards, but this cluster currently "
	 "has [1]/[1] maximum shards open;",
	 BULK_HOLD},
};

static struct bulk_item item_of(size_t i)
{
	return (struct bulk_item){.status = cases[i].status,
				  .type = weir_slice_of(cases[i].type),
				  .reason = weir_slice_of(cases[i].reason)};
}

static void each_item_has_its_fate(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bulk_item item = item_of(i);

		if (bulk_fate(&item, cases[i].flags) != cases[i].fate)
			fail_msg("%u %s %s: %u", cases[i].status, cases[i].type, cases[i].reason,
				 bulk_fate(&item, cases[i].flags));
	}
}

static void no_status_but_success_and_conflict_loses_a_record(void **state)
{
	(void)state;
	for (uint32_t status = 100; status < 600; status++) {
		struct bulk_item item = {.status = status};
		uint32_t fate = bulk_fate(&item, 0);

		if (status / 100 == 2)
			assert_int_equal(fate, BULK_DELIVERED);
		else if (status == 409)
			assert_int_equal(fate, BULK_REPLAYED);
		else if (status / 100 != 4)
			assert_int_equal(fate, BULK_RETRY);
	}
}

static void an_explanation_has_type_reason_and_cause(void **state)
{
	struct bulk_item item = {400, {NULL, 0}, {"t", 1}, {"why", 3}, {"because", 7}};
	char text[32];

	(void)state;
	assert_int_equal(bulk_explain(&item, text, sizeof(text)), 16);
	assert_string_equal(text, "t: why (because)");
	assert_int_equal(bulk_explain(&item, text, 8), 7);
	assert_string_equal(text, "t: why ");
	item = (struct bulk_item){.status = 413};
	assert_int_equal(bulk_explain(&item, text, sizeof(text)), 10);
	assert_string_equal(text, "status 413");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_item_has_its_fate),
		cmocka_unit_test(no_status_but_success_and_conflict_loses_a_record),
		cmocka_unit_test(an_explanation_has_type_reason_and_cause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

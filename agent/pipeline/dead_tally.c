// SPDX-License-Identifier: MIT
#include "pipeline/dead_tally.h"

#include <inttypes.h>
#include <stdio.h>

#include "batch/json.h"

void dead_tally_init(struct dead_tally *tally)
{
	tally->count = 0;
	pthread_mutex_init(&tally->lock, NULL);
}

void dead_tally_done(struct dead_tally *tally)
{
	pthread_mutex_destroy(&tally->lock);
}

/* Under the lock. */
static struct dead_tally_entry *find(struct dead_tally *tally, const char *stage,
				     const char *reason)
{
	struct dead_tally_entry *entry;

	for (uint32_t i = 0; i < tally->count; i++) {
		entry = &tally->entries[i];
		if (strncmp(entry->stage, stage, sizeof(entry->stage) - 1) == 0 &&
		    strncmp(entry->reason, reason, sizeof(entry->reason) - 1) == 0)
			return entry;
	}
	if (tally->count == DEAD_TALLY_MAX) {
		entry = &tally->entries[DEAD_TALLY_MAX - 1];
		snprintf(entry->stage, sizeof(entry->stage), "others");
		snprintf(entry->reason, sizeof(entry->reason), "others");
		return entry;
	}
	entry = &tally->entries[tally->count++];
	memset(entry, 0, sizeof(*entry));
	snprintf(entry->stage, sizeof(entry->stage), "%s", stage);
	snprintf(entry->reason, sizeof(entry->reason), "%s", reason);
	return entry;
}

void dead_tally_add(struct dead_tally *tally, const char *stage, const char *reason,
		    const char *error, struct weir_slice line)
{
	struct dead_tally_entry *entry;

	pthread_mutex_lock(&tally->lock);
	entry = find(tally, stage ? stage : "", reason ? reason : "");
	entry->records++;
	snprintf(entry->error, sizeof(entry->error), "%s", error ? error : "");
	entry->sample_size =
		(uint16_t)(line.size < sizeof(entry->sample) ? line.size : sizeof(entry->sample));
	if (entry->sample_size)
		memcpy(entry->sample, line.data, entry->sample_size);
	pthread_mutex_unlock(&tally->lock);
}

static void put(struct buffer *out, const char *key, const char *text, size_t size)
{
	buffer_printf(out, ",\"%s\":", key);
	json_append_string(out, (struct weir_slice){text, size});
}

void dead_tally_put(struct dead_tally *tally, int records, struct buffer *out)
{
	buffer_text(out, "[");
	pthread_mutex_lock(&tally->lock);
	for (uint32_t i = 0; i < tally->count; i++) {
		const struct dead_tally_entry *entry = &tally->entries[i];

		buffer_printf(out, "%s{\"count\":%" PRIu64, i ? "," : "", entry->records);
		put(out, "stage", entry->stage, strlen(entry->stage));
		put(out, "reason", entry->reason, strlen(entry->reason));
		put(out, "error", entry->error, strlen(entry->error));
		if (records)
			put(out, "sample", entry->sample, entry->sample_size);
		else
			buffer_text(out, ",\"sample\":null");
		buffer_text(out, "}");
	}
	pthread_mutex_unlock(&tally->lock);
	buffer_text(out, "]");
}

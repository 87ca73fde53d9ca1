// SPDX-License-Identifier: MIT
#include "message.h"

#include "support/timeparse/digits.h"
#include "support/timeparse/format.h"

#define PRI_MAX 191 /* 24 facilities of 8 severities */
/* RFC 3164 allows a tag of 32; programs with paths and long unit names are seen. */
#define TAG_MAX 128

static struct weir_slice between(const char *from, const char *to)
{
	return (struct weir_slice){from, (uint64_t)(to - from)};
}

static int read_pri(struct reader *r, struct message *message)
{
	int32_t pri;

	if (!take_byte(r, '<') || take_up_to(r, 3, &pri) != 0 || pri > PRI_MAX ||
	    !take_byte(r, '>'))
		return -1;
	message->facility = (uint32_t)pri / 8;
	message->severity = (uint32_t)pri % 8;
	return 0;
}

/* What is there up to the next space or the end; the space is taken too. */
static struct weir_slice take_word(struct reader *r)
{
	const char *from = r->at;
	const char *space = memchr(from, ' ', (size_t)(r->end - from));
	const char *to = space ? space : r->end;

	r->at = space ? space + 1 : r->end;
	return between(from, to);
}

/* ---- RFC 5424 ---- */

/* `-` is nothing; an empty word is wrong. */
static int take_field(struct reader *r, struct weir_slice *ret_field)
{
	struct weir_slice word = take_word(r);

	if (word.size == 0)
		return -1;
	*ret_field = weir_slice_equals(word, "-") ? (struct weir_slice){NULL, 0} : word;
	return 0;
}

static int take_data(struct reader *r, struct weir_slice *ret_data)
{
	uint64_t size = structured_data_size(between(r->at, r->end));

	*ret_data = (struct weir_slice){NULL, 0};
	if (size)
		*ret_data = (struct weir_slice){r->at, size};
	else if (!take_byte(r, '-'))
		return -1;
	r->at += size;
	return r->at == r->end || take_byte(r, ' ') ? 0 : -1;
}

static const char *parse_5424(struct reader *r, struct message *message)
{
	struct weir_slice time;

	if (take_field(r, &time) != 0 ||
	    (time.data && iso_time_parse(time.data, time.size, NULL, 1, &message->time_ns) != 0))
		return "the time is not that of RFC 5424";
	if (take_field(r, &message->hostname) != 0 || take_field(r, &message->app_name) != 0 ||
	    take_field(r, &message->procid) != 0 || take_field(r, &message->msgid) != 0)
		return "host, app, process id and message id are not all there";
	if (take_data(r, &message->data) != 0)
		return "the structured data is malformed";
	if (r->end - r->at >= 3 && memcmp(r->at, "\xef\xbb\xbf", 3) == 0)
		r->at += 3;
	message->text = between(r->at, r->end);
	return NULL;
}

/* ---- RFC 3164 ---- */

/* `Oct 11 22:14:15`, the day perhaps padded. */
static int read_bsd_time(struct reader *r, const struct time_zone *zone, int64_t reference_ns,
			 int64_t *ret_ns)
{
	struct reader at = *r;
	struct calendar when = {.second = 0};
	int64_t seconds;

	if (at.end - at.at < 14)
		return -1;
	when.month = calendar_month_named(at.at);
	at.at += 3;
	if (when.month == 0 || !take_byte(&at, ' '))
		return -1;
	(void)take_byte(&at, ' ');
	if (take_up_to(&at, 2, &when.day) != 0 || !take_byte(&at, ' ') ||
	    take_digits(&at, 2, &when.hour) != 0 || !take_byte(&at, ':') ||
	    take_digits(&at, 2, &when.minute) != 0 || !take_byte(&at, ':') ||
	    take_digits(&at, 2, &when.second) != 0 ||
	    time_without_year(&when, zone, reference_ns, &seconds) != 0 ||
	    calendar_ns(seconds, 0, ret_ns) != 0)
		return -1;
	if (at.at < at.end && !take_byte(&at, ' '))
		return -1;
	*r = at;
	return 0;
}

static int read_iso_time(struct reader *r, const struct time_zone *zone, int64_t *ret_ns)
{
	struct reader at = *r;
	struct weir_slice word = take_word(&at);

	if (word.size < 16 || iso_time_parse(word.data, word.size, zone, 0, ret_ns) != 0)
		return -1;
	*r = at;
	return 0;
}

/* `app[procid]:`, `app[procid] ` or `app:`; what does not look so is message. */
static int read_tag(struct reader *r, struct message *message)
{
	struct reader at = *r;
	const char *from = at.at, *id;

	while (at.at < at.end && at.at - from < TAG_MAX && !strchr(" :[", *at.at))
		at.at++;
	if (at.at == from || at.at == at.end)
		return -1;
	message->app_name = between(from, at.at);
	if (take_byte(&at, '[')) {
		id = at.at;
		while (at.at < at.end && at.at - id < TAG_MAX && !strchr("] ", *at.at))
			at.at++;
		message->procid = between(id, at.at);
		if (!take_byte(&at, ']'))
			goto none;
	}
	if (!take_byte(&at, ':') && !(message->procid.data && at.at < at.end && *at.at == ' '))
		goto none;
	(void)take_byte(&at, ' ');
	*r = at;
	return 0;
none:
	message->app_name = message->procid = (struct weir_slice){NULL, 0};
	return -1;
}

/* The word after the time is the host, unless it is a tag itself: local senders leave the host out. */
static void parse_3164(struct reader *r, const struct time_zone *zone, int64_t reference_ns,
		       struct message *message)
{
	if (read_bsd_time(r, zone, reference_ns, &message->time_ns) == 0 ||
	    read_iso_time(r, zone, &message->time_ns) == 0) {
		if (read_tag(r, message) != 0) {
			struct reader at = *r;
			struct weir_slice word = take_word(&at);

			if (word.size && at.at < at.end) {
				message->hostname = word;
				*r = at;
				(void)read_tag(r, message);
			}
		}
	} else {
		message->time_ns = MESSAGE_NO_TIME;
	}
	message->text = between(r->at, r->end);
}

const char *message_parse(struct weir_slice text, const struct time_zone *zone,
			  int64_t reference_ns, struct message *ret_message)
{
	struct reader r = {text.data, text.data + text.size};

	*ret_message = (struct message){.time_ns = MESSAGE_NO_TIME};
	if (read_pri(&r, ret_message) != 0)
		return "no <PRI> of facility and severity at the beginning";
	if (r.end - r.at >= 2 && r.at[0] == '1' && r.at[1] == ' ') {
		r.at += 2;
		return parse_5424(&r, ret_message);
	}
	parse_3164(&r, zone, reference_ns, ret_message);
	return NULL;
}

// SPDX-License-Identifier: MIT
/*
 * The names are those that grok's users know; the patterns are written for Weir, from what the names
 * mean: addresses by RFC 3986 and RFC 4291, Windows paths by Microsoft's naming rules, logs by
 * Apache's and syslog's own descriptions.
 *
 * A pattern stands in parentheses wherever it is used. Where alternatives begin alike, the longer one
 * comes first, so that a pattern at the end of another takes all it can.
 */
#include "grok_patterns.h"

#include <stddef.h>

struct named_pattern {
	const char *name, *text;
};

#define QUOTED(q) q "[^" q "\\\\]*+(?:\\\\.[^" q "\\\\]*+)*+" q

static const struct named_pattern patterns[] = {
	/* words and numbers */
	{"WORD", "\\b\\w+\\b"},
	{"NOTSPACE", "\\S+"},
	{"SPACE", "\\s*"},
	{"DATA", ".*?"},
	{"GREEDYDATA", ".*"},
	{"QUOTEDSTRING", QUOTED("\"") "|" QUOTED("'") "|" QUOTED("`")},
	{"QS", "%{QUOTEDSTRING}"},
	{"INT", "[+-]?\\d+"},
	{"BASE10NUM", "(?<![\\d.+-])[+-]?(?:\\d+(?:\\.\\d+)?|\\.\\d+)"},
	{"NUMBER", "%{BASE10NUM}"},
	{"BASE16NUM", "(?<![0-9A-Fa-f])[+-]?(?:0x)?[0-9A-Fa-f]+"},
	{"BASE16FLOAT", "(?<![0-9A-Fa-f.])[+-]?(?:0x)?(?:[0-9A-Fa-f]+(?:\\.[0-9A-Fa-f]*)?|"
			"\\.[0-9A-Fa-f]+)\\b"},
	{"POSINT", "\\b[1-9]\\d*\\b"},
	{"NONNEGINT", "\\b\\d+\\b"},
	{"UUID", "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"},
	{"URN", "urn:[0-9A-Za-z][0-9A-Za-z-]{0,31}:[^\\s\"<>]+"},
	{"LOGLEVEL",
	 "\\b(?i:trace|debug|info(?:rmation)?|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|"
	 "fatal|severe|alert|emerg(?:ency)?|panic)\\b"},

	/* people and machines */
	{"USERNAME", "[A-Za-z0-9._-]+"},
	{"USER", "%{USERNAME}"},
	{"EMAILLOCALPART", "[A-Za-z0-9.!#$&'*+/=?^_`{|}~%-]+"},
	{"EMAILADDRESS", "%{EMAILLOCALPART}@%{HOSTNAME}"},
	{"COMMONMAC", "(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}"},
	{"WINDOWSMAC", "(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}"},
	{"CISCOMAC", "(?:[0-9A-Fa-f]{4}\\.){2}[0-9A-Fa-f]{4}"},
	{"MAC", "%{COMMONMAC}|%{WINDOWSMAC}|%{CISCOMAC}"},
	{"IPV4", "(?<![\\d.])(?:%{IPV4_OCTET}\\.){3}%{IPV4_OCTET}(?!\\d)"},
	{"IPV4_OCTET", "25[0-5]|2[0-4]\\d|[01]?\\d?\\d"},
	{"IPV6_GROUP", "[0-9A-Fa-f]{1,4}"},
	{"IPV6_END", "%{IPV6_GROUP}:%{IPV6_GROUP}|(?:%{IPV4_OCTET}\\.){3}%{IPV4_OCTET}"},
	/* One alternative for each place that `::` can have, as in RFC 3986, section 3.2.2. */
	{"IPV6", "(?<![\\w:])(?:(?:%{IPV6_GROUP}:){6}%{IPV6_END}"
		 "|::(?:%{IPV6_GROUP}:){5}%{IPV6_END}"
		 "|%{IPV6_GROUP}?::(?:%{IPV6_GROUP}:){4}%{IPV6_END}"
		 "|(?:(?:%{IPV6_GROUP}:){0,1}%{IPV6_GROUP})?::(?:%{IPV6_GROUP}:){3}%{IPV6_END}"
		 "|(?:(?:%{IPV6_GROUP}:){0,2}%{IPV6_GROUP})?::(?:%{IPV6_GROUP}:){2}%{IPV6_END}"
		 "|(?:(?:%{IPV6_GROUP}:){0,3}%{IPV6_GROUP})?::%{IPV6_GROUP}:%{IPV6_END}"
		 "|(?:(?:%{IPV6_GROUP}:){0,4}%{IPV6_GROUP})?::%{IPV6_END}"
		 "|(?:(?:%{IPV6_GROUP}:){0,5}%{IPV6_GROUP})?::%{IPV6_GROUP}"
		 "|(?:(?:%{IPV6_GROUP}:){0,6}%{IPV6_GROUP})?::)(?!:?\\w)(?:%[0-9A-Za-z._~-]+)?"},
	{"IP", "%{IPV6}|%{IPV4}"},
	{"HOSTNAME", "\\b[0-9A-Za-z][0-9A-Za-z_-]{0,62}(?:\\.[0-9A-Za-z][0-9A-Za-z_-]{0,62})*+"
		     "(?:\\.|\\b)"},
	{"HOST", "%{HOSTNAME}"},
	{"IPORHOST", "%{IP}|%{HOSTNAME}"},
	{"HOSTPORT", "%{IPORHOST}:%{POSINT}"},

	/* paths and addresses */
	{"UNIXPATH", "(?:/[\\w%!$@:.,+~=-]*)+"},
	{"WINPATH", "(?:[A-Za-z]:|\\\\)(?:\\\\[^\\\\/:*?\"<>|\\r\\n]*)+"},
	{"PATH", "%{UNIXPATH}|%{WINPATH}"},
	{"TTY", "/dev/(?:pts/\\d+|tty\\w*)"},
	{"URIPROTO", "[A-Za-z][A-Za-z0-9+.-]*"},
	{"URIHOST", "(?:\\[%{IPV6}\\]|%{IPORHOST})(?::\\d+)?"},
	{"URIPATH", "(?:/[A-Za-z0-9._~!$&'()*+,;=:@{}|#%-]*)+"},
	{"URIQUERY", "[A-Za-z0-9._~!$&'()*+,;=:@/?{}|\\[\\]<>^#%-]*"},
	{"URIPARAM", "\\?%{URIQUERY}"},
	{"URIPATHPARAM", "%{URIPATH}%{URIPARAM}?"},
	{"URI", "%{URIPROTO}://(?:%{USER}(?::[^@\\s/]*)?@)?%{URIHOST}?%{URIPATHPARAM}?"},

	/* times */
	{"MONTH", "\\b(?i:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|"
		  "Aug(?:ust)?|Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\\b"},
	{"MONTHNUM", "1[0-2]|0?[1-9]"},
	{"MONTHNUM2", "1[0-2]|0[1-9]"},
	{"MONTHDAY", "3[01]|[12]\\d|0?[1-9]"},
	{"DAY", "\\b(?i:Mon(?:day)?|Tue(?:s(?:day)?)?|Wed(?:nesday)?|Thu(?:r(?:s(?:day)?)?)?|"
		"Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)\\b"},
	{"YEAR", "\\d{4}|\\d\\d"},
	{"HOUR", "2[0-3]|[01]?\\d"},
	{"MINUTE", "[0-5]\\d"},
	{"SECOND", "(?:60|[0-5]?\\d)(?:[:.,]\\d+)?"},
	{"TIME", "(?<!\\d)%{HOUR}:%{MINUTE}:%{SECOND}(?!\\d)"},
	{"DATE_US", "%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}"},
	{"DATE_EU", "%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}"},
	{"DATE", "%{DATE_US}|%{DATE_EU}"},
	{"DATESTAMP", "%{DATE}[ -]%{TIME}"},
	{"TZ", "UTC|GMT|[A-Z]{1,3}[SD]T"},
	{"ISO8601_TIMEZONE", "Z|[+-]%{HOUR}:?%{MINUTE}"},
	{"ISO8601_SECOND", "%{SECOND}"},
	{"TIMESTAMP_ISO8601", "%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}"
			      "(?::?%{SECOND})?%{ISO8601_TIMEZONE}?"},
	{"DATESTAMP_RFC822", "%{DAY} %{MONTH} %{MONTHDAY} %{YEAR} %{TIME} %{TZ}"},
	{"DATESTAMP_RFC2822", "%{DAY}, %{MONTHDAY} %{MONTH} %{YEAR} %{TIME} %{ISO8601_TIMEZONE}"},
	{"DATESTAMP_OTHER", "%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{TZ} %{YEAR}"},
	{"HTTPDATE", "%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}"},
	{"HTTPDERROR_DATE", "%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{YEAR}"},
	{"SYSLOGTIMESTAMP", "%{MONTH} +%{MONTHDAY} %{TIME}"},

	/* whole lines, with the field names that they are known for */
	{"PROG", "[^\\s\\[\\]]+"},
	{"SYSLOGPROG", "%{PROG:program}(?:\\[%{POSINT:pid}\\])?"},
	{"SYSLOGHOST", "%{IPORHOST}"},
	{"SYSLOGFACILITY", "<%{NONNEGINT:facility}\\.%{NONNEGINT:priority}>"},
	{"SYSLOGBASE", "%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGFACILITY} )?"
		       "%{SYSLOGHOST:logsource} %{SYSLOGPROG}:"},
	{"SYSLOGLINE", "%{SYSLOGBASE} %{GREEDYDATA:message}"},
	{"HTTPDUSER", "%{EMAILADDRESS}|%{USER}"},
	{"COMMONAPACHELOG",
	 "%{IPORHOST:clientip} %{HTTPDUSER:ident} %{HTTPDUSER:auth} \\[%{HTTPDATE:timestamp}\\] "
	 "\"(?:%{WORD:verb} %{NOTSPACE:request}(?: HTTP/%{NUMBER:httpversion})?"
	 "|%{DATA:rawrequest})\" (?:%{NUMBER:response}|-) (?:%{NUMBER:bytes}|-)"},
	{"COMBINEDAPACHELOG", "%{COMMONAPACHELOG} %{QS:referrer} %{QS:agent}"},
	{"HTTPD_COMMONLOG", "%{COMMONAPACHELOG}"},
	{"HTTPD_COMBINEDLOG", "%{COMBINEDAPACHELOG}"},
};

const char *grok_pattern_named(struct weir_slice name)
{
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		if (weir_slice_equals(name, patterns[i].name))
			return patterns[i].text;
	return NULL;
}

// SPDX-License-Identifier: MIT
/* Numbers and times as text. Each writes at most the named size, and returns the end; no NUL. */
#ifndef BATCH_JSON_NUMBER_H
#define BATCH_JSON_NUMBER_H

#include <stdint.h>

#define NUMBER_INT_MAX 20       /* -9223372036854775808 */
#define NUMBER_DOUBLE_MAX 32    /* 17 digits, sign, point, exponent, and room to spare */
#define NUMBER_TIMESTAMP_MAX 40 /* 2015-05-17T10:05:03.123456789Z, years below -999 included */

char *number_append_int(char *to, int64_t value);
char *number_append_unsigned(char *to, uint64_t value);
/* The shortest form that reads back the same, with a point or an exponent so that it stays a
 * double; "null" when it is not finite. */
char *number_append_double(char *to, double value);
/* RFC 3339, UTC; the fraction in 3, 6 or 9 digits, and only when it is not zero. */
char *number_append_timestamp(char *to, int64_t ns);

#endif

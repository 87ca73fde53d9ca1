// SPDX-License-Identifier: MIT
/* Where the fault lies, by status. Those that the host already holds (401, 403, 404, 407) and those
 * that pass (408, 429, 5xx) never come here. */
#include "support/http_options/http_options.h"

int http_status_is_about_the_endpoint(uint32_t status)
{
	switch (status) {
	case 402: /* payment required */
	case 405: /* method not allowed */
	case 406:
	case 410: /* gone */
	case 411:
	case 414: /* URI too long */
	case 415: /* media type, gzip */
	case 417:
	case 421:
	case 423:
	case 426: /* upgrade required */
	case 428:
	case 431: /* headers too large */
	case 451:
		return 1;
	}
	return status >= 300 && status < 400;
}

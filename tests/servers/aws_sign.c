// SPDX-License-Identifier: MIT
/*
 * Signs the requests on its standard input (see tests/unit/aws/sign_case.h) and prints the
 * Authorization header of each, so that another implementation can be asked about the same.
 */
#include "aws/sign_case.h"

int main(void)
{
	struct sign_case c = {0};

	while (sign_case_read(stdin, &c)) {
		struct aws_signed signed_headers;
		struct weir_error error = {0};

		if (sign_case_sign(&c, &signed_headers, &error)) {
			puts(error.text);
			continue;
		}
		puts(signed_headers.headers[signed_headers.count - 1].data);
		aws_signed_done(&signed_headers);
	}
	sign_case_done(&c);
	return 0;
}

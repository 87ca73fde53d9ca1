// SPDX-License-Identifier: MIT
/* A shared object that calls a function which no library has. */
#include <weir/abi.h>

extern int function_that_nobody_has(void);
WEIR_EXPORT extern int calls_it(void);

int calls_it(void)
{
	return function_that_nobody_has();
}

/* cmocka.h with what it wants before it. */
#ifndef MODBUS_TESTING_CMOCKA_FIRST_H
#define MODBUS_TESTING_CMOCKA_FIRST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif

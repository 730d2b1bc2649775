#include "base/decimal.h"

#include <string.h>

/* clang-format off */
const uint64_t pl__ten_to[PL__TENS] = {
    UINT64_C(1), UINT64_C(10), UINT64_C(100), UINT64_C(1000),
    UINT64_C(10000), UINT64_C(100000), UINT64_C(1000000), UINT64_C(10000000),
    UINT64_C(100000000), UINT64_C(1000000000), UINT64_C(10000000000), UINT64_C(100000000000),
    UINT64_C(1000000000000), UINT64_C(10000000000000), UINT64_C(100000000000000), UINT64_C(1000000000000000),
    UINT64_C(10000000000000000), UINT64_C(100000000000000000), UINT64_C(1000000000000000000), UINT64_C(10000000000000000000),
};

const uint64_t pl__five_to[PL__FIVES] = {
    UINT64_C(1), UINT64_C(5), UINT64_C(25), UINT64_C(125),
    UINT64_C(625), UINT64_C(3125), UINT64_C(15625), UINT64_C(78125),
    UINT64_C(390625), UINT64_C(1953125), UINT64_C(9765625), UINT64_C(48828125),
    UINT64_C(244140625), UINT64_C(1220703125), UINT64_C(6103515625), UINT64_C(30517578125),
    UINT64_C(152587890625), UINT64_C(762939453125), UINT64_C(3814697265625), UINT64_C(19073486328125),
    UINT64_C(95367431640625), UINT64_C(476837158203125), UINT64_C(2384185791015625), UINT64_C(11920928955078125),
    UINT64_C(59604644775390625), UINT64_C(298023223876953125), UINT64_C(1490116119384765625), UINT64_C(7450580596923828125),
};
/* clang-format on */

const char pl__digit_pairs[201] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

unsigned pl__count_digits(uint64_t value) {
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    unsigned guess = bits * 1233 >> 12; /* bits * log10(2), which is right or one too few */
    return guess + ((value | 1) >= pl__ten_to[guess]);
}

char *pl__put_padded(char *at, uint64_t value, unsigned digits) {
    char *to = at + digits;
    while (to - at >= 2) {
        to -= 2;
        memcpy(to, &pl__digit_pairs[value % 100 * 2], 2);
        value /= 100;
    }
    if (to > at) *at = (char)('0' + value % 10);
    return at + digits;
}

char *pl__put_unsigned(char *at, uint64_t value) {
    return pl__put_padded(at, value, pl__count_digits(value));
}

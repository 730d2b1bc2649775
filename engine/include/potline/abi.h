/* abi.h: the contract between the engine and a plugin, in numbers.
 *
 * A plugin carries the numbers it was compiled with (see plugin.h); the engine compares them field by field and refuses
 * one that does not fit, naming the field. Adding a callback, a column or a field at the end of a struct raises MINOR;
 * anything else raises MAJOR.
 *
 * Changes: 1.0 the first. 1.1 commands of operators, lists of files. 1.2 problems at a place in a file. 2.0 records of
 * a table say what has changed. 3.0 tables say how keys that meet are merged. 3.1 commands that change state.
 * 3.2 operators that are programs, maps of texts as options. 3.3 sources say whether they reach what they read from,
 * and are told what is in the log; labels of nodes, texts cut at a character. 3.4 nodes say which
 * model they work with, batches which models they come from; operators that learn. 3.5 gauges, told units. 4.0 models
 * say what people at the line call their outputs; times in a stepper's errors count from an origin.
 */
#ifndef POTLINE_ABI_H
#define POTLINE_ABI_H

#define PL_ABI_MAJOR 4
#define PL_ABI_MINOR 0

#ifdef __cplusplus
#define PL_EXTERN extern "C"
#else
#define PL_EXTERN extern
#endif

/* A function of the engine that plugins may call. */
#define PL_API PL_EXTERN __attribute__((visibility("default")))

#define PL_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define PL_LIKELY(x) __builtin_expect(!!(x), 1)
#define PL_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define PL_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif

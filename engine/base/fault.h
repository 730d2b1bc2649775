/* fault.h: named places where a test has the process die, or a call fail, at a moment that matters.
 *
 *     PL_FAULT("checkpoint.put");                        may die here
 *     if (PL_FAULT_FAILS("log.append")) return ...       or may have to fail here
 *
 * POTLINE_FAULT=NAME:N in the environment has the N-th pass of the place NAME end the process as kill -9 does;
 * NAME:N:eio has it fail, where it can. POTLINE_FAULT_BUFFER=KIB makes the store's write buffers that small, so that
 * they are written out and compacted all the time. Both are read by pl_fault_setup, once; without them a place costs a
 * branch that is predicted.
 *
 * Threads: any, behind pl_fault_setup.
 */
#ifndef POTLINE_BASE_FAULT_H
#define POTLINE_BASE_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include <potline/abi.h>

extern bool pl__fault_armed;

/* From the environment; before there are threads. False: POTLINE_FAULT is no such thing. */
bool pl_fault_setup(void);

/* The bytes of a write buffer whose usual size is this. */
size_t pl_fault_buffer(size_t usual);

/* True: the caller is to fail. */
bool pl__fault_pass(const char *name);

#define PL_FAULT_FAILS(name) (PL_UNLIKELY(pl__fault_armed) && pl__fault_pass(name))
#define PL_FAULT(name) ((void)PL_FAULT_FAILS(name))

#endif

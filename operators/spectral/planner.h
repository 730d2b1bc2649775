/* planner.h: FFTW's planner has no locks of its own; whoever makes or destroys a plan holds this one. */
#ifndef POTLINE_SPECTRAL_PLANNER_H
#define POTLINE_SPECTRAL_PLANNER_H

#include <pthread.h>

extern pthread_mutex_t planner;

#endif

/* plugin.c: what this plugin offers. */
#include <potline/plugin.h>

extern const struct pl_operator spectral_spectral, spectral_discord, spectral_coherence;

PL_PLUGIN(spectral, "1.0", &spectral_spectral, &spectral_discord, &spectral_coherence)

/* rows.h: rows that tables of parameters and outputs of several models have in common, so that the same thing has the
 * same name, range and words everywhere.
 */
#ifndef TWIN_ROWS_H
#define TWIN_ROWS_H

#define ROW_TOLERANCE(fallback)                                                                                        \
    { "tolerance", "", fallback, 1e-12, 1e-2, NULL, PL_MODEL_LOOSE, "Relative error of a step in time." }
#define ROW_GRID(name, fallback, low, high, doc)                                                                       \
    { name, "", fallback, low, high, NULL, PL_MODEL_WHOLE | PL_MODEL_GRID, doc }

/* Chemistry of bath. */
#define ROW_EXCESS(doc)                                                                                                \
    { "excess_fluoride", "wt%", 11, 0, 25, NULL, 0, doc }
#define ROW_CALCIUM(doc)                                                                                               \
    { "calcium_fluoride", "wt%", 5, 0, 20, NULL, 0, doc }
#define ROW_CURRENT                                                                                                    \
    { "current", "A", 180000, 0, 1e6, NULL, PL_MODEL_INPUT, "Of the line." }
#define ROW_FEED(doc)                                                                                                  \
    { "feed", "kg/s", 0.0298, 0, 2, NULL, PL_MODEL_INPUT, doc }
#define ROW_SLOW(doc)                                                                                                  \
    { "slow_share", "", 0.6, 0, 1, NULL, 0, doc }
#define ROW_DISSOLUTION(low)                                                                                           \
    { "dissolution", "1/s", 0.002, low, 1, NULL, 0, "How fast that dissolves, far from saturation." }
#define ROW_ANODES(doc)                                                                                                \
    { "anodes", "", 20, 1, 100, NULL, PL_MODEL_WHOLE, doc }

/* A shell and the air around it. */
#define ROW_STEEL                                                                                                      \
    { "steel", "m", 0.012, 0.001, 0.1, NULL, 0, "Thickness of the shell, of 40 W/m/K." }
#define ROW_SHELL_FILM(fallback, doc)                                                                                  \
    { "shell_film", "W/m2/K", fallback, 0, 1000, NULL, PL_MODEL_INPUT, doc }
#define ROW_EMISSIVITY                                                                                                 \
    { "emissivity", "", 0.8, 0, 1, NULL, 0, "Of the shell." }
#define ROW_AMBIENT                                                                                                    \
    { "ambient", "degC", 35, -50, 100, NULL, PL_MODEL_INPUT, "Of the air, and of what the shell radiates to." }

/* A ledge and the lining behind it. */
#define ROW_LEDGE_CONDUCTIVITY                                                                                         \
    { "ledge_conductivity", "W/m/K", 1.5, 0.1, 20, NULL, 0, "Of frozen bath." }
#define ROW_MOST                                                                                                       \
    { "most", "m", 0.4, 0.05, 2, NULL, 0, "A ledge thicker than this ends the run: the cell freezes." }
#define ROW_LINING(fallback)                                                                                           \
    { "lining", "m", fallback, 0.005, 1, NULL, 0, "Thickness of the side lining." }
#define ROW_LINING_CONDUCTIVITY(fallback, doc)                                                                         \
    { "lining_conductivity", "W/m/K", fallback, 0.1, 200, NULL, 0, doc }

/* Outputs. */
#define ROW_FLUX_IN(doc)                                                                                               \
    { "flux_in", "W/m2", doc }
#define ROW_FLUX_OUT                                                                                                   \
    { "flux_out", "W/m2", "From the shell to the air." }
#define ROW_BALANCE(what)                                                                                              \
    { "balance", "", what " that is unaccounted for, relative to what is there and has moved." }
#define ROW_EFFECT(doc)                                                                                                \
    { "anode_effect", "", doc }

/* States. */
#define ROW_HEAT_CONTENT                                                                                               \
    { "heat content", "J/m3", "Of each cell." }
#define ROW_HEAT_PASSED                                                                                                \
    { "heat passed", "J/m2", "Through either face." }

#endif

/* solver_klu.c: KLU as a linear solver of SUNDIALS that keeps its ordering.
 *
 * SUNDIALS' own one orders anew whenever pivots are to be chosen anew, which is at each restart: as much work as the
 * factors themselves. The ordering is of the pattern alone, so it lasts as long as that does.
 */
#include <float.h>
#include <klu.h>
#include <math.h>
#include <potline/alloc.h>
#include <sundials/sundials_nvector.h>
#include <sunmatrix/sunmatrix_sparse.h>

#include "solver_impl.h"

struct klu {
    klu_l_symbolic *ordering;
    klu_l_numeric *factors;
    klu_l_common common;
    bool anew; /* pivots are to be chosen anew */
};

static struct klu *klu_of(SUNLinearSolver linear) {
    return linear->content;
}

static SUNLinearSolver_Type type_of(SUNLinearSolver linear) {
    (void)linear;
    return SUNLINEARSOLVER_DIRECT;
}

static int factorise(struct klu *k, SUNMatrix a) {
    if (k->factors) klu_l_free_numeric(&k->factors, &k->common);
    k->factors = klu_l_factor(SM_INDEXPTRS_S(a), SM_INDEXVALS_S(a), SM_DATA_S(a), k->ordering, &k->common);
    k->anew = false;
    return k->factors ? SUNLS_SUCCESS : SUNLS_PACKAGE_FAIL_REC;
}

/* With the pivots of before, unless these have become bad ones. */
static int factorise_again(struct klu *k, SUNMatrix a) {
    const double least = pow(DBL_EPSILON, 2.0 / 3);
    SuiteSparse_long *start = SM_INDEXPTRS_S(a);
    double *entry = SM_DATA_S(a);
    if (!klu_l_refactor(start, SM_INDEXVALS_S(a), entry, k->ordering, k->factors, &k->common) ||
        !klu_l_rcond(k->ordering, k->factors, &k->common))
        return SUNLS_PACKAGE_FAIL_REC;
    if (k->common.rcond >= least) return SUNLS_SUCCESS;
    if (!klu_l_condest(start, entry, k->ordering, k->factors, &k->common)) return SUNLS_PACKAGE_FAIL_REC;
    return k->common.condest > 1 / least ? factorise(k, a) : SUNLS_SUCCESS;
}

static int set_up(SUNLinearSolver linear, SUNMatrix a) {
    struct klu *k = klu_of(linear);
    if (!k->ordering) k->ordering = klu_l_analyze(SM_COLUMNS_S(a), SM_INDEXPTRS_S(a), SM_INDEXVALS_S(a), &k->common);
    if (!k->ordering) return SUNLS_PACKAGE_FAIL_UNREC;
    return k->anew || !k->factors ? factorise(k, a) : factorise_again(k, a);
}

static int solve(SUNLinearSolver linear, SUNMatrix a, N_Vector x, N_Vector b, realtype tolerance) {
    (void)tolerance;
    struct klu *k = klu_of(linear);
    N_VScale(1, b, x);
    bool good = klu_l_solve(k->ordering, k->factors, SM_COLUMNS_S(a), 1, NV_DATA_S(x), &k->common);
    return good ? SUNLS_SUCCESS : SUNLS_PACKAGE_FAIL_REC;
}

static int release(SUNLinearSolver linear) {
    struct klu *k = klu_of(linear);
    if (k && k->factors) klu_l_free_numeric(&k->factors, &k->common);
    if (k && k->ordering) klu_l_free_symbolic(&k->ordering, &k->common);
    pl_free(k);
    SUNLinSolFreeEmpty(linear);
    return SUNLS_SUCCESS;
}

SUNLinearSolver solver__klu_new(SUNContext context) {
    struct klu *k = PL_NEW(struct klu);
    SUNLinearSolver linear = k ? SUNLinSolNewEmpty(context) : NULL;
    if (!linear) {
        pl_free(k);
        return NULL;
    }
    klu_l_defaults(&k->common);
    k->common.ordering = 1; /* COLAMD, as SUNDIALS has it */
    linear->content = k;
    linear->ops->gettype = type_of;
    linear->ops->setup = set_up;
    linear->ops->solve = solve;
    linear->ops->free = release;
    return linear;
}

void solver__klu_anew(SUNLinearSolver linear) {
    klu_of(linear)->anew = true;
}

#include "kernels/blas_dense.h"

#include <cblas.h>

#include <cassert>
#include <limits>
#include <vector>

// LAPACK by its Fortran names, which OpenBLAS exports; it has no C header for them.
extern "C" {
void spotrf_(const char* uplo, const int* n, float* a, const int* lda, int* info);
void spotri_(const char* uplo, const int* n, float* a, const int* lda, int* info);
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
void dpotri_(const char* uplo, const int* n, double* a, const int* lda, int* info);
void ssyevd_(const char* jobz, const char* uplo, const int* n, float* a, const int* lda, float* w,
             float* work, const int* lwork, int* iwork, const int* liwork, int* info);
}

namespace hoego::kernels {
namespace {

// Fortran counts columns first: our upper triangle is its lower one.
constexpr char kOurUpper = 'L';

template <class T>
Status Invert(std::span<T> a, size_t n,
              void (*potrf)(const char*, const int*, T*, const int*, int*),
              void (*potri)(const char*, const int*, T*, const int*, int*)) {
  assert(a.size() == n * n);
  if (n == 0) {
    return {};
  }
  if (n > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return Status::InvalidArgument(
        fmt::format("invert: {} rows, at most {}", n, std::numeric_limits<int>::max()));
  }
  const int size = static_cast<int>(n);
  int info = 0;
  potrf(&kOurUpper, &size, a.data(), &size, &info);
  if (info == 0) {
    potri(&kOurUpper, &size, a.data(), &size, &info);
  }
  if (info != 0) {
    return Status::FailedPrecondition(
        fmt::format("invert {} x {}: not positive definite at pivot {}", n, n, info - 1));
  }
  return {};
}

blasint Int(size_t n) {
  return static_cast<blasint>(n);
}

}  // namespace

void Gemm(std::span<const float> a, std::span<const float> b, size_t m, size_t k, size_t n,
          std::span<float> c) {
  assert(a.size() == m * k && b.size() == k * n && c.size() == m * n);
  if (m == 0 || n == 0) {
    return;
  }
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, Int(m), Int(n), Int(k), 1.0F, a.data(),
              Int(k == 0 ? 1 : k), b.data(), Int(n), 0.0F, c.data(), Int(n));
}

void GemmTransposed(std::span<const float> a, std::span<const float> b, size_t m, size_t k,
                    size_t n, std::span<float> c) {
  assert(a.size() == m * k && b.size() == n * k && c.size() == m * n);
  if (m == 0 || n == 0) {
    return;
  }
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, Int(m), Int(n), Int(k), 1.0F, a.data(),
              Int(k == 0 ? 1 : k), b.data(), Int(k == 0 ? 1 : k), 0.0F, c.data(), Int(n));
}

void SyrkUpper(std::span<const float> x, size_t n, size_t d, std::span<float> c) {
  assert(x.size() == n * d && c.size() == d * d);
  if (d == 0) {
    return;
  }
  cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, Int(d), Int(n), 1.0F, x.data(), Int(d), 0.0F,
              c.data(), Int(d));
}

Status InvertSpdUpper(std::span<double> a, size_t n) {
  return Invert<double>(a, n, dpotrf_, dpotri_);
}
Status InvertSpdUpper(std::span<float> a, size_t n) {
  return Invert<float>(a, n, spotrf_, spotri_);
}

Status DecomposeSymmetric(std::span<float> a, std::span<float> eigenvalues) {
  const size_t n = eigenvalues.size();
  assert(a.size() == n * n);
  if (n == 0) {
    return {};
  }
  const char vectors = 'V';
  const int size = static_cast<int>(n);
  const int ask = -1;
  float work_size = 0;
  int iwork_size = 0;
  int info = 0;
  ssyevd_(&vectors, &kOurUpper, &size, a.data(), &size, eigenvalues.data(), &work_size, &ask,
          &iwork_size, &ask, &info);
  std::vector<float> work(static_cast<size_t>(work_size) + 1);
  std::vector<int> iwork(static_cast<size_t>(iwork_size));
  const int lwork = static_cast<int>(work.size());
  ssyevd_(&vectors, &kOurUpper, &size, a.data(), &size, eigenvalues.data(), work.data(), &lwork,
          iwork.data(), &iwork_size, &info);
  if (info != 0) {
    return Status::Internal(
        fmt::format("eigenvectors of {} x {}: LAPACK gave up ({})", n, n, info));
  }
  return {};
}

}  // namespace hoego::kernels

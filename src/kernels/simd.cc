#include "kernels/simd.h"

#include <atomic>
#include <cstdlib>

#include "base/check.h"
#include "base/log.h"
#include "kernels/internal/table.h"

namespace hoego::kernels {
namespace {

// Null until the first use. Written by whoever comes first and by SetSimdLevel; all tables are
// constants.
std::atomic<const internal::KernelTable*> table_in_use{nullptr};

bool Supported(SimdLevel level) {
  if (level == SimdLevel::kScalar) {
    return true;
  }
#if defined(__x86_64__)
  // These ask the CPU and whether the operating system saves the registers.
  const bool avx2 = __builtin_cpu_supports("avx2") > 0 && __builtin_cpu_supports("fma") > 0;
  if (level == SimdLevel::kAvx2) {
    return avx2;
  }
  return avx2 && __builtin_cpu_supports("avx512f") > 0 && __builtin_cpu_supports("avx512vl") > 0 &&
         __builtin_cpu_supports("avx512dq") > 0 && __builtin_cpu_supports("avx512bw") > 0;
#else
  return false;
#endif
}

Result<SimdLevel> LevelByName(std::string_view name) {
  if (name == "auto") {
    return SupportedSimdLevels().back();
  }
  for (const SimdLevel level : {SimdLevel::kScalar, SimdLevel::kAvx2, SimdLevel::kAvx512}) {
    if (name == SimdLevelName(level)) {
      if (!Supported(level)) {
        return Status::FailedPrecondition(
            fmt::format("simd level {}: this CPU cannot run it; the best here is {}", name,
                        SimdLevelName(SupportedSimdLevels().back())));
      }
      return level;
    }
  }
  return Status::InvalidArgument(
      fmt::format("simd level {:?}: expected scalar, avx2, avx512 or auto", name));
}

const internal::KernelTable* ChooseFirst() {
  SimdLevel level = SupportedSimdLevels().back();
  const char* wanted =
      std::getenv("HOEGO_SIMD");  // NOLINT(concurrency-mt-unsafe): nothing here sets it
  if (wanted != nullptr && *wanted != '\0') {
    const Result<SimdLevel> named = LevelByName(wanted);
    if (named.ok()) {
      level = *named;
    } else {
      Log(LogLevel::kWarning, "kernels", "HOEGO_SIMD ignored",
          {{"reason", named.status().message()}, {"level", SimdLevelName(level)}});
    }
  }
  return &internal::TableOf(level);
}

}  // namespace

std::string_view SimdLevelName(SimdLevel level) {
  switch (level) {
    case SimdLevel::kScalar:
      return "scalar";
    case SimdLevel::kAvx2:
      return "avx2";
    case SimdLevel::kAvx512:
      return "avx512";
  }
  return "unknown";
}

std::vector<SimdLevel> SupportedSimdLevels() {
  std::vector<SimdLevel> levels;
  for (const SimdLevel level : {SimdLevel::kScalar, SimdLevel::kAvx2, SimdLevel::kAvx512}) {
    if (Supported(level)) {
      levels.push_back(level);
    }
  }
  return levels;
}

SimdLevel ActiveSimdLevel() {
  return internal::Table().level;
}

Status SetSimdLevel(std::string_view name) {
  HOEGO_TRY_ASSIGN(const SimdLevel level, LevelByName(name));
  table_in_use.store(&internal::TableOf(level));
  return {};
}

namespace internal {

const KernelTable& TableOf(SimdLevel level) {
  HOEGO_CHECK(Supported(level));
#if defined(__x86_64__)
  if (level == SimdLevel::kAvx2) {
    return Avx2Table();
  }
  if (level == SimdLevel::kAvx512) {
    return Avx512Table();
  }
#endif
  return ScalarTable();
}

const KernelTable& Table() {
  const KernelTable* table = table_in_use.load(std::memory_order_acquire);
  if (table == nullptr) [[unlikely]] {
    const KernelTable* chosen = ChooseFirst();
    // Whoever was first wins, so that a level set meanwhile is not undone.
    if (table_in_use.compare_exchange_strong(table, chosen)) {
      table = chosen;
    }
  }
  return *table;
}

}  // namespace internal
}  // namespace hoego::kernels

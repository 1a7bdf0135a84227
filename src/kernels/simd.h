#pragma once

#include <string_view>
#include <vector>

#include "base/status.h"

namespace hoego::kernels {

// Which bodies the kernels run. The scalar one is the specification; the others agree with it
// within the bound that each kernel states. A result is reproducible bit for bit only at one level,
// so a training run records it.
enum class SimdLevel : unsigned char { kScalar = 0, kAvx2 = 1, kAvx512 = 2 };

std::string_view SimdLevelName(SimdLevel level);  // "scalar", "avx2", "avx512"

// The level in use: chosen at the first kernel call as the best that this CPU and its operating
// system support, unless the environment variable HOEGO_SIMD names another. A name there that is
// unknown or not supported is logged and the best is used.
SimdLevel ActiveSimdLevel();

// Levels this machine can run, lowest first.
std::vector<SimdLevel> SupportedSimdLevels();

// Sets the level by name; "auto" is the best. InvalidArgument for an unknown name,
// FailedPrecondition when this CPU cannot run it. Threads: any, but a computation under way keeps
// no level: set it before work starts.
Status SetSimdLevel(std::string_view name);

}  // namespace hoego::kernels

#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace hoego::kernels {

// Allocates at multiples of a cache line, so that a row of sixteen floats is one load and not two
// halves.
template <class T>
struct CacheLineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};

  CacheLineAllocator() = default;
  template <class U>
  explicit CacheLineAllocator(const CacheLineAllocator<U>& /*other*/) noexcept {}

  T* allocate(size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), kAlignment)); }
  void deallocate(T* p, size_t /*n*/) noexcept { ::operator delete(p, kAlignment); }

  template <class U>
  bool operator==(const CacheLineAllocator<U>& /*other*/) const noexcept {
    return true;
  }
};

// Floats whose first element lies on a cache line. The kernels take any alignment; this one is
// fastest.
using AlignedFloats = std::vector<float, CacheLineAllocator<float>>;

// The tile of the dense kernels in kernels/spd.h: row lengths there are multiples of it, padded
// with zeros.
inline constexpr size_t kTileFloats = 16;
constexpr size_t PaddedLength(size_t n) {
  return (n + kTileFloats - 1) / kTileFloats * kTileFloats;
}

}  // namespace hoego::kernels

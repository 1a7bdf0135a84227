#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace hoego {

// Mixes 64 bits (splitmix64's finaliser): a cheap bijection with good avalanche.
constexpr uint64_t Mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// A 64-bit hash of bytes for seeding and tables; not for secrets, not stored on disk (events/ has
// its own).
uint64_t HashBytes(std::string_view bytes, uint64_t seed = 0);

// Reproducible random numbers: xoshiro256++ (Blackman and Vigna 2019) seeded by splitmix64.
// The same seed gives the same numbers on every machine. Threads: one thread at a time.
class Rng {
 public:
  explicit Rng(uint64_t seed);

  uint64_t Next();             // 64 random bits
  uint64_t Below(uint64_t n);  // uniform in [0, n), no modulo bias. Pre: n > 0
  double Uniform();            // uniform in [0, 1), 53 bits
  double Normal();             // mean 0, variance 1 (Marsaglia's polar method)
  bool Chance(double p) { return Uniform() < p; }

  // Fisher–Yates.
  template <class Container>
  void Shuffle(Container& c) {
    for (size_t i = c.size(); i > 1; --i) {
      std::swap(c[i - 1], c[static_cast<size_t>(Below(i))]);
    }
  }

 private:
  std::array<uint64_t, 4> s_;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace hoego

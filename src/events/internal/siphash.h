#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace hoego::events {

// The 16-byte keyed hash under which ids are stored in clear and compared.
struct IdHash {
  uint64_t low = 0;
  uint64_t high = 0;
  friend bool operator==(const IdHash&, const IdHash&) = default;
};

using SipKey = std::array<uint64_t, 2>;

// SipHash-2-4 with 128-bit output (Aumasson and Bernstein 2012, and their later 128-bit variant).
// Whoever does not know the key can neither aim at collisions nor tell whether a guessed id was
// stored.
IdHash SipHash128(const SipKey& key, std::string_view bytes);

}  // namespace hoego::events

#pragma once

#include <cstdint>
#include <string_view>

namespace hoego {

// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), as in RFC 3720 appendix B.4. `crc`
// continues an earlier value. Uses the SSE4.2 instruction where the CPU has it; Crc32cTable is the
// portable twin that the tests compare it with.
uint32_t Crc32c(std::string_view bytes, uint32_t crc = 0);
uint32_t Crc32cTable(std::string_view bytes, uint32_t crc = 0);

}  // namespace hoego

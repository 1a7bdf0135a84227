#include <cstring>

#include "api/http/internal/head.h"

namespace hoego::http::internal {

HeadScan ScanHead(std::string_view bytes, size_t& scanned) {
  HeadScan scan;
  while (scanned < bytes.size()) {
    // Here `scanned` is the start of a line, or inside one whose start was looked at before.
    const bool at_line_start = scanned > 0 && bytes[scanned - 1] == '\n';
    if (at_line_start && (bytes[scanned] == ' ' || bytes[scanned] == '\t')) {
      scan.found = HeadScan::Found::kBroken;
      scan.why = "a header line starts with a space (obsolete folding)";
      return scan;
    }
    const void* hit = std::memchr(bytes.data() + scanned, '\n', bytes.size() - scanned);
    if (hit == nullptr) {
      scanned = bytes.size();
      return scan;
    }
    const auto lf = static_cast<size_t>(static_cast<const char*>(hit) - bytes.data());
    scanned = lf + 1;
    if (lf == 0 || bytes[lf - 1] != '\r') {
      scan.found = HeadScan::Found::kBroken;
      scan.why = "a line ends in LF without CR";
      return scan;
    }
    if (lf >= 3 && bytes[lf - 2] == '\n') {
      scan.found = HeadScan::Found::kEnd;
      scan.end = lf + 1;
      return scan;
    }
  }
  return scan;
}

}  // namespace hoego::http::internal

// Any bytes as a segment file: reading must end, within the bytes, with an answer or a refusal. The
// checksums are made right first, where a record's length allows, so that the bodies are reached
// too.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/check.h"
#include "base/crc32c.h"
#include "events/segment_check.h"

namespace {

constexpr size_t kHeader = 64;
constexpr size_t kRecordHeader = 40;

void PutCrc(std::string& file, size_t at, size_t from, size_t end) {
  const uint32_t crc = hoego::Crc32c(std::string_view(file).substr(from, end - from));
  std::memcpy(file.data() + at, &crc, sizeof(crc));
}

std::string WithChecksums(std::string file) {
  if (file.size() < kHeader) {
    return file;
  }
  std::memcpy(file.data(), "HOEGOSEG", 8);
  PutCrc(file, kHeader - 4, 0, kHeader - 4);
  for (size_t at = kHeader; at + kRecordHeader <= file.size();) {
    uint32_t length = 0;
    std::memcpy(&length, file.data() + at, sizeof(length));
    if (length < kRecordHeader || length > file.size() - at) {
      break;
    }
    PutCrc(file, at + 4, at + 8, at + length);
    at += length;
  }
  return file;
}

void Read(const std::string& file) {
  const auto contents = hoego::events::CheckSegmentBytes(file);
  if (contents.ok()) {
    HOEGO_CHECK(contents->bytes <= file.size());
    HOEGO_CHECK(contents->unknown <= contents->records);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string file(reinterpret_cast<const char*>(data), size);
  Read(file);
  Read(WithChecksums(file));
  return 0;
}

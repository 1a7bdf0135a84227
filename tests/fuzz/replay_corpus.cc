// Runs a fuzz entry over the files of a corpus folder, plus a few thousand seeded mutations of each: what a build without
// libFuzzer can do. Prints how many inputs were tried.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void Try(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

std::string Mutated(std::string input, hoego::Rng& rng) {
  const uint64_t edits = 1 + rng.Below(4);
  for (uint64_t e = 0; e < edits && !input.empty(); ++e) {
    const auto at = static_cast<size_t>(rng.Below(input.size()));
    switch (rng.Below(4)) {
      case 0: input[at] = static_cast<char>(rng.Next()); break;
      case 1: input.erase(at, static_cast<size_t>(1 + rng.Below(8))); break;
      case 2: input.insert(at, 1, static_cast<char>(rng.Next())); break;
      default: input[at] = static_cast<char>(input[at] ^ (1 << rng.Below(8))); break;
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> seeds = {""};
  for (int i = 1; i < argc; ++i) {
    std::error_code error;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i], error)) {
      if (entry.is_regular_file()) {
        std::ifstream file(entry.path(), std::ios::binary);
        seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
      }
    }
  }
  if (seeds.size() < 2) {
    std::fprintf(stderr, "no corpus: expected files under %s\n", argc > 1 ? argv[1] : "(no folder given)");
    return 1;
  }
  hoego::Rng rng(20261122);
  size_t tried = 0;
  for (const std::string& seed : seeds) {
    Try(seed);
    ++tried;
    for (int i = 0; i < 2000; ++i, ++tried) {
      Try(Mutated(seed, rng));
    }
  }
  std::printf("%zu inputs from %zu seeds\n", tried, seeds.size());
  return 0;
}

// Any bytes go through the JSON parser and back out through the writer. What is accepted must be
// written as JSON that is accepted again and says the same; every accessor must answer without
// touching memory that is not its own.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json.h"

namespace {

using hoego::JsonRef;
using hoego::JsonWriter;
using hoego::Status;

void WriteNumber(JsonWriter& w, JsonRef value) {
  if (value.kind() == JsonRef::Kind::kUint) {
    w.Raw(value.ToText());
  } else if (value.kind() == JsonRef::Kind::kInt) {
    w.Int(*value.AsInt());
  } else {
    w.Double(*value.AsDouble());
  }
}

// Ends the process when the writer finds the nesting wrong.
Status Copy(JsonWriter& w, JsonRef value, int depth) {
  HOEGO_CHECK(depth < 64);
  if (value.is_object()) {
    w.BeginObject();
    const Status done = value.ForEachField([&](std::string_view key, JsonRef field) {
      w.Key(key);
      static_cast<void>(value.Find(key));
      return Copy(w, field, depth + 1);
    });
    w.EndObject();
    return done;
  }
  if (value.is_array()) {
    w.BeginArray();
    const Status done =
        value.ForEachElement([&](JsonRef element) { return Copy(w, element, depth + 1); });
    w.EndArray();
    return done;
  }
  if (value.is_number()) {
    WriteNumber(w, value);
  } else if (value.is_string()) {
    w.String(*value.AsString());
  } else if (value.is_null()) {
    w.Null();
  } else {
    w.Bool(*value.AsBool());
  }
  return {};
}

// The text of a document as our writer puts it; empty when it is refused.
std::string Rewritten(hoego::JsonParser& parser, std::string_view text) {
  const auto root = parser.Parse(text);
  if (!root.ok()) {
    return "";
  }
  static_cast<void>(root->RequireString("a").ok());
  static_cast<void>(root->IntOr("a", 1).ok());
  static_cast<void>(root->BoolOr("", false).ok());
  JsonWriter w;
  HOEGO_CHECK(Copy(w, *root, 0).ok());
  return w.Take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  hoego::JsonParser parser;
  const std::string once = Rewritten(parser, text);
  if (!once.empty()) {
    HOEGO_CHECK(Rewritten(parser, once) == once);
  }
  return 0;
}

#include "api/native/operations.h"

#include <algorithm>
#include <map>

#include "base/json.h"
#include "base/text.h"

namespace hoego::native {
namespace {

std::string_view StatusText(int status) {
  switch (status) {
    case 200: return "Done";
    case 201: return "Made";
    case 202: return "Accepted; it goes on in the background";
    case 204: return "Done, nothing to say";
    case 400: return "Malformed";
    case 403: return "Not allowed";
    case 404: return "No such thing";
    case 409: return "Conflicts with what is there";
    case 412: return "If-Match does not hold";
    case 413: return "Too large";
    case 415: return "A content type that is not spoken here";
    case 422: return "Well formed, but wrong";
    case 429: return "Too much at once";
    case 500: return "Our fault";
    case 503: return "Not now";
    default: return "See the detail";
  }
}

void WriteParameters(JsonWriter& w, const Operation& op) {
  w.Key("parameters").BeginArray();
  size_t at = 0;
  while ((at = op.pattern.find('{', at)) != std::string_view::npos) {
    const size_t end = op.pattern.find('}', at);
    std::string_view name = op.pattern.substr(at + 1, end - at - 1);
    if (name.ends_with("...")) {
      name.remove_suffix(3);
    }
    w.BeginObject().Field("name", name).Field("in", "path").Field("required", true);
    w.Key("schema").BeginObject().Field("type", "string").Field("minLength", 1).EndObject().EndObject();
    at = end;
  }
  for (const QueryParameter& q : op.query) {
    w.BeginObject().Field("name", q.name).Field("in", "query").Field("required", false);
    w.Field("description", q.description).Key("schema").Raw(q.schema).EndObject();
  }
  w.EndArray();
}

void WriteSchema(JsonWriter& w, std::string_view type, std::string_view schema) {
  w.Key(type).BeginObject().Key("schema");
  if (schema.empty() || type == "application/x-ndjson") {
    w.BeginObject().Field("type", "string").EndObject();
  } else {
    w.BeginObject().Field("$ref", fmt::format("#/components/schemas/{}", schema)).EndObject();
  }
  w.EndObject();
}

void WriteResponses(JsonWriter& w, const Operation& op) {
  w.Key("responses").BeginObject();
  w.Key(std::to_string(op.ok)).BeginObject().Field("description", StatusText(op.ok));
  if (op.ok != 204) {
    w.Key("content").BeginObject();
    WriteSchema(w, op.answer_type, op.answer);
    w.EndObject();
  }
  w.EndObject();
  std::vector<int> others = op.others;
  for (const int always : {400, 403, 413, 429, 500, 503}) {
    others.push_back(always);
  }
  std::sort(others.begin(), others.end());
  others.erase(std::unique(others.begin(), others.end()), others.end());
  for (const int status : others) {
    w.Key(std::to_string(status)).BeginObject().Field("description", StatusText(status)).Key("content").BeginObject();
    WriteSchema(w, "application/problem+json", "Problem");
    w.EndObject().EndObject();
  }
  w.EndObject();
}

void WriteOperation(JsonWriter& w, const Operation& op) {
  w.Key(ToLower(op.method)).BeginObject().Field("summary", op.summary);
  w.Key("tags").BeginArray().String(op.tag).EndArray();
  WriteParameters(w, op);
  if (!op.body.empty()) {
    w.Key("requestBody").BeginObject().Field("required", op.body_required).Key("content").BeginObject();
    for (const auto type : op.body_types) {
      WriteSchema(w, type, op.body);
    }
    w.EndObject().EndObject();
  }
  WriteResponses(w, op);
  w.EndObject();
}

}  // namespace

void Operations::Add(Operation operation, http::Handler handler, http::RouteOptions options) {
  router_.Add(operation.method, operation.pattern, std::move(handler), options);
  operations_.push_back(std::move(operation));
}

std::string Operations::OpenApi(std::string_view version) const {
  std::map<std::string, std::vector<const Operation*>> paths;
  for (const Operation& op : operations_) {
    std::string path(op.pattern);
    if (const size_t rest = path.find("...}"); rest != std::string::npos) {
      path.erase(rest, 3);
    }
    paths[path].push_back(&op);
  }
  JsonWriter w;
  w.BeginObject().Field("openapi", "3.0.3").Key("info").BeginObject().Field("title", "Hoego").Field("version", version);
  w.Field("description", "The native paths. Errors are RFC 9457 problem documents.");
  w.Key("license").BeginObject().Field("name", "Apache-2.0").EndObject().EndObject();
  w.Key("paths").BeginObject();
  for (const auto& [path, operations] : paths) {
    w.Key(path).BeginObject();
    for (const Operation* op : operations) {
      WriteOperation(w, *op);
    }
    w.EndObject();
  }
  w.EndObject().Key("components").BeginObject().Key("schemas").Raw(fmt::format("{{{}}}", ComponentSchemas()));
  return w.EndObject().EndObject().Take();
}

}  // namespace hoego::native

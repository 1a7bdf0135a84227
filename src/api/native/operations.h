#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/http/router.h"

namespace hoego::native {

struct QueryParameter {
  std::string_view name;
  std::string_view schema;       // JSON schema
  std::string_view description;
};

// One operation: its route and its entry in /openapi.json, declared together so that the document stays true to the code.
struct Operation {
  std::string_view method;
  std::string_view pattern;
  std::string_view tag;
  std::string_view summary;
  std::string_view body = {};                            // component schema of the request body; empty: none
  std::vector<std::string_view> body_types = {"application/json"};
  std::string_view answer = {};                          // component schema of the 200; empty: text
  std::string_view answer_type = "application/json";
  std::vector<int> others = {};                          // further statuses, answered as problem JSON
  std::vector<QueryParameter> query = {};
  bool body_required = true;
  int ok = 200;
};

// Collects operations, adds their handlers to the router and writes the document. Filled by one thread at start.
class Operations {
 public:
  explicit Operations(http::Router& router) : router_(router) {}
  void Add(Operation operation, http::Handler handler, http::RouteOptions options = {});
  // OpenAPI 3.0.3, JSON.
  std::string OpenApi(std::string_view version) const;

 private:
  http::Router& router_;
  std::vector<Operation> operations_;
};

// The component schemas, as the members of one JSON object (openapi_schemas.cc).
std::string_view ComponentSchemas();

}  // namespace hoego::native

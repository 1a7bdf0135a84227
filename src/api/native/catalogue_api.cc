// /v1/items and /v1/units: upserts and tombstones are events, effective in the next answer.
#include <memory>

#include "api/native/ingest.h"
#include "api/native/native.h"
#include "base/text.h"

namespace hoego::native {
namespace {

std::string ItemJson(const std::string& item, const events::ItemInfo* info, const events::Catalogue& catalogue) {
  JsonWriter w;
  w.BeginObject().Field("item", item).Key("categories").BeginArray();
  if (info != nullptr) {
    for (const uint32_t c : info->categories) {
      w.String(catalogue.CategoryName(c));
    }
  }
  w.EndArray().Field("hidden", info != nullptr && info->hidden).Key("expires");
  if (info != nullptr && info->expires) {
    w.String(FormatTime(*info->expires));
  } else {
    w.Null();
  }
  w.Key("attributes").Raw(info == nullptr || info->attributes.empty() ? "{}" : info->attributes);
  return w.EndObject().Take();
}

std::string UnitJson(const std::string& unit, std::string_view attributes) {
  JsonWriter w;
  w.BeginObject().Field("unit", unit).Key("attributes").Raw(attributes);
  return w.EndObject().Take();
}

// PUT of one item or unit: the body may leave the name out; if it has one it must agree with the path.
void PutOne(const http::Request& request, http::Responder responder, Context& context, BatchShape shape) {
  const bool item = shape == BatchShape::kItems;
  const std::string_view key = item ? "item" : "unit";
  const std::string& name = request.params[0];
  thread_local JsonParser parser;
  ParsedBatch batch;
  Status status;
  auto root = parser.Parse(request.body.empty() ? std::string_view("{}") : request.body);
  if (!IsValidUtf8(name)) {
    status = Status::InvalidArgument(fmt::format("{}: the path's name is not UTF-8", key));
  } else if (!root.ok()) {
    status = root.status();
  } else if (!root->is_object()) {
    status = Status::InvalidArgument(fmt::format("expected an object, got {}", root->kind_name()));
  } else if (const auto inside = root->Find(key); inside && inside->AsString() != std::string_view(name)) {
    status = Status::InvalidArgument(fmt::format("{}: the body names another than the path", key));
  } else {
    // The name goes in front, so that one reader serves both forms.
    JsonWriter w;
    w.BeginObject().Field(key, name);
    const Status copied = root->ForEachField([&](std::string_view field, JsonRef value) -> Status {
      if (field != key) {
        w.Key(field).Raw(value.ToText());
      }
      return {};
    });
    HOEGO_CHECK(copied.ok());
    const std::string text = w.EndObject().Take();
    auto whole = parser.Parse(text);
    status = whole.ok() ? ParseOne(*whole, shape, context.store.types(), batch, 1) : whole.status();
  }
  if (!status.ok()) {
    responder.Send(http::Problem(422, status));
    return;
  }
  auto answer = std::make_shared<http::Responder>(std::move(responder));
  context.store.log().Append(batch.records, [answer, &context, item, name](const Result<events::AppendResult>& result) {
    if (!result.ok()) {
      answer->Send(result.status());
      return;
    }
    if (item) {
      const auto found = context.store.FindItem(name);
      const auto view = context.store.catalogue().view();
      answer->Send(http::Json(ItemJson(name, found ? view->Find(*found) : nullptr, context.store.catalogue())));
    } else {
      const auto found = context.store.FindUnit(name);
      auto attributes = found ? context.store.UnitAttributes(*found) : Result<std::string>(std::string("{}"));
      answer->Send(attributes.ok() ? http::Json(UnitJson(name, *attributes)) : http::Problem(attributes.status()));
    }
  });
}

void GetItem(const http::Request& request, http::Responder responder, Context& context) {
  const auto key = context.store.FindItem(request.params[0]);
  const auto view = context.store.catalogue().view();
  const events::ItemInfo* info = key ? view->Find(*key) : nullptr;
  if (!key || (info != nullptr && info->removed)) {
    responder.Send(Status::NotFound(fmt::format("no item \"{}\"", request.params[0])));
    return;
  }
  responder.Send(http::Json(ItemJson(request.params[0], info, context.store.catalogue())));
}

void DeleteItem(const http::Request& request, http::Responder responder, Context& context) {
  const std::string name = request.params[0];
  if (!context.store.FindItem(name)) {
    responder.Send(Status::NotFound(fmt::format("no item \"{}\"", name)));
    return;
  }
  auto answer = std::make_shared<http::Responder>(std::move(responder));
  events::ItemChange gone;
  gone.item = name;
  gone.removed = true;
  const std::vector<events::NewRecord> records = {gone};
  context.store.log().Append(records, [answer](const Result<events::AppendResult>& result) {
    answer->Send(result.ok() ? http::Response{204, "", "", {}} : http::Problem(result.status()));
  });
}

void GetUnit(const http::Request& request, http::Responder responder, Context& context) {
  const auto key = context.store.FindUnit(request.params[0]);
  if (!key) {
    responder.Send(Status::NotFound("no such unit"));
    return;
  }
  auto attributes = context.store.UnitAttributes(*key);
  responder.Send(attributes.ok() ? http::Json(UnitJson(request.params[0], *attributes)) : http::Problem(attributes.status()));
}

void AddBulk(Operations& operations, Context& context, std::string_view pattern, std::string_view schema, BatchShape shape) {
  operations.Add({.method = "POST",
                  .pattern = pattern,
                  .tag = "catalogue",
                  .summary = "Upserts many; one object, an array, or NDJSON.",
                  .body = schema,
                  .body_types = {"application/json", "application/x-ndjson"},
                  .answer = "IngestAnswer",
                  .others = {415, 422}},
                 [&context, shape](const http::Request& request, http::Responder responder) {
                   IngestBody(request, std::move(responder), context, shape);
                 });
}

}  // namespace

void AddCatalogueRoutes(Operations& operations, Context& context) {
  AddBulk(operations, context, "/v1/items", "Items", BatchShape::kItems);
  AddBulk(operations, context, "/v1/units", "Units", BatchShape::kUnits);
  operations.Add({.method = "PUT", .pattern = "/v1/items/{item}", .tag = "catalogue", .summary = "Upserts an item.",
                  .body = "Item", .answer = "Item", .others = {422}},
                 [&context](const http::Request& request, http::Responder responder) {
                   PutOne(request, std::move(responder), context, BatchShape::kItems);
                 });
  operations.Add({.method = "GET", .pattern = "/v1/items/{item}", .tag = "catalogue", .summary = "An item.",
                  .answer = "Item", .others = {404}},
                 [&context](const http::Request& request, http::Responder responder) {
                   GetItem(request, std::move(responder), context);
                 });
  operations.Add({.method = "DELETE", .pattern = "/v1/items/{item}", .tag = "catalogue",
                  .summary = "Takes an item out; it is in no later answer.", .others = {404}, .ok = 204},
                 [&context](const http::Request& request, http::Responder responder) {
                   DeleteItem(request, std::move(responder), context);
                 });
  operations.Add({.method = "PUT", .pattern = "/v1/units/{unit}", .tag = "catalogue", .summary = "Upserts a unit.",
                  .body = "Unit", .answer = "Unit", .others = {422}},
                 [&context](const http::Request& request, http::Responder responder) {
                   PutOne(request, std::move(responder), context, BatchShape::kUnits);
                 });
  operations.Add({.method = "GET", .pattern = "/v1/units/{unit}", .tag = "catalogue", .summary = "A unit.",
                  .answer = "Unit", .others = {404}},
                 [&context](const http::Request& request, http::Responder responder) {
                   GetUnit(request, std::move(responder), context);
                 });
  operations.Add({.method = "DELETE", .pattern = "/v1/units/{unit}", .tag = "catalogue",
                  .summary = "Forgets a unit: destroys the key its id and properties are sealed under.",
                  .others = {404}, .ok = 204},
                 [&context](const http::Request& request, http::Responder responder) {
                   AnswerLater(context, std::move(responder), [&context, unit = request.params[0]] {
                     const Status status = context.store.Forget(unit);
                     return status.ok() ? http::Response{204, "", "", {}} : http::Problem(status);
                   });
                 });
}

}  // namespace hoego::native

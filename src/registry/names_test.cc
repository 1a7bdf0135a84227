#include "registry/names.h"

#include <gtest/gtest.h>

#include <string>

#include "registry/registry.h"

namespace hoego::registry {
namespace {

const std::string kDigest(64, 'a');

TEST(NamesTest, TakesAndRefusesModelNames) {
  for (const std::string name :
       {"films", "a", "my model v2.1", "영화-추천", "100%", "a%b", "...", "x_y-z+(1)"}) {
    EXPECT_TRUE(CheckModelName(name).ok()) << name;
  }
  EXPECT_TRUE(CheckModelName(std::string(250, 'x')).ok());
  for (const std::string& name :
       {std::string(), std::string(251, 'x'), std::string("a@b"), std::string("a/b"),
        std::string("a:b"), std::string("a\\b"), std::string("a\nb"), std::string("a\0b", 3),
        std::string("a\xff"), std::string("."), std::string(".."), std::string("films%2F..%2Fx"),
        std::string("%40")}) {
    EXPECT_EQ(CheckModelName(name).code(), Code::kInvalidArgument) << name;
  }
}

TEST(NamesTest, TakesAndRefusesAliases) {
  for (const std::string alias :
       {"champion", "Champion-2", "v", "v1x", "vv1", "latest-1", "7", "후보"}) {
    EXPECT_TRUE(CheckAliasName(alias).ok()) << alias;
  }
  for (const std::string& alias :
       {std::string(), std::string("latest"), std::string("Latest"), std::string("v1"),
        std::string("V22"), std::string("v007"), std::string("a b"), std::string("a/b"),
        std::string("a.b"), std::string("a@b"), std::string(251, 'x'), std::string("\xff")}) {
    EXPECT_EQ(CheckAliasName(alias).code(), Code::kInvalidArgument) << alias;
  }
}

// The ways out that were found in registries of this kind (published CVEs of MLflow: 2023-1177,
// 2023-2780, 2024-3573, …).
TEST(NamesTest, TakesNoSourceThatLeadsOut) {
  for (const std::string& source :
       {std::string(), "blob:" + kDigest, std::string("runs:/0123/model"),
        std::string("models:/m-0123"), std::string("mlflow-artifacts:/0/0123/artifacts/model"),
        std::string("runs:/0123/50%/x%20y")}) {
    EXPECT_TRUE(CheckSource(source).ok()) << source;
  }
  for (const std::string& source : {std::string("/etc/passwd"),
                                    std::string("//host/x"),
                                    std::string("file:///etc/passwd"),
                                    std::string("FILE:x"),
                                    std::string("~/x"),
                                    std::string("runs:/0123/../../x"),
                                    std::string("runs:/0123/%2e%2e/x"),
                                    std::string("runs:/0123/%252e%252e/x"),
                                    std::string("runs:/0123/..%2fx"),
                                    std::string("runs:\\0123\\x"),
                                    std::string("\\\\host\\x"),
                                    std::string("runs:/a%5c..%5cx"),
                                    std::string("runs:/a%00b"),
                                    std::string("%2fetc"),
                                    std::string("%66ile:/x"),
                                    std::string("blob:"),
                                    std::string("blob:../x"),
                                    std::string("blob:" + kDigest + "0"),
                                    std::string(1025, 'x'),
                                    std::string("runs:/\xff")}) {
    EXPECT_EQ(CheckSource(source).code(), Code::kInvalidArgument) << source;
  }
}

TEST(ModelRefTest, ReadsTheThreeForms) {
  const auto plain = ModelRef::Parse("films");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->model, "films");
  EXPECT_FALSE(plain->version || plain->alias);
  const auto numbered = ModelRef::Parse("films/12");
  ASSERT_TRUE(numbered.ok());
  EXPECT_EQ(numbered->version, 12u);
  EXPECT_EQ(ModelRef::Parse("films/4294967295")->version, 4294967295u);
  const auto named = ModelRef::Parse("영화@champion");
  ASSERT_TRUE(named.ok());
  EXPECT_EQ(named->model, "영화");
  EXPECT_EQ(named->alias, "champion");
  for (const std::string text : {"films", "films/12", "films@champion"}) {
    EXPECT_EQ(ModelRef::Parse(text)->ToString(), text);
  }
}

TEST(ModelRefTest, RefusesEverythingElse) {
  for (const std::string text :
       {"",         "/1",        "@a",        "films/",    "films@",    "films/0",
        "films/01", "films/-1",  "films/+1",  "films/1 ",  "films/1.0", "films/4294967296",
        "films/x",  "films/1/2", "films@a@b", "films/1@a", "films@a/1", "films@latest",
        "films@v2", "fi:lms",    "films/1\n"}) {
    EXPECT_EQ(ModelRef::Parse(text).status().code(), Code::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace hoego::registry

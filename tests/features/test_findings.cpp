#include <gtest/gtest.h>

#include <algorithm>

#include <luban/core/error.hpp>
#include <luban/features/findings.hpp>

#include "support.hpp"

namespace luban::features {
namespace {

/// 10 settings × 2 wear states × 2 runs × 3 positions × 6 readings.
testing::Rows honest() {
  core::Generator random = core::RandomKey(21).generator();
  return testing::grid(10, 2, 6, [&](int s, int, int, int) { return (1.0 + s) * (1.0 + 0.05 * random.normal()); });
}

std::vector<Finding> of_kind(const std::vector<Finding>& findings, FindingKind kind) {
  std::vector<Finding> out;
  std::copy_if(findings.begin(), findings.end(), std::back_inserter(out),
               [&](const Finding& finding) { return finding.kind == kind; });
  return out;
}

bool says(const Finding& finding, const std::string& text) {
  return finding.message.find(text) != std::string::npos;
}

TEST(Findings, NamePlantedEntryErrorsMostSevereFirst) {
  testing::Rows rows = honest();
  rows.roughness[100] *= 10.0;
  rows.roughness[500] *= 100.0;
  const auto gross = of_kind(find_suspicious(testing::dataset_of(rows)), FindingKind::gross_error);
  ASSERT_EQ(gross.size(), 2U);
  EXPECT_EQ(gross[0].source_row, 500);
  EXPECT_EQ(gross[1].source_row, 100);
  EXPECT_EQ(gross[1].column, "roughness");
  EXPECT_EQ(gross[1].run_id, rows.run_id[100]);
  EXPECT_EQ(gross[1].repeat, 101);
  EXPECT_GT(gross[1].deviations, 30.0);
  EXPECT_DOUBLE_EQ(gross[1].value, rows.roughness[100]);
  EXPECT_TRUE(says(gross[1], " um stands ")) << gross[1].message;
  EXPECT_TRUE(says(gross[1], "wear New, diameter D30, position Middle")) << gross[1].message;
}

/// The honest rows with two more responses that follow the first, each with its own 5 % of noise.
Dataset related(const testing::Rows& rows) {
  core::Generator random = core::RandomKey(23).generator();
  process::ProcessDefinition definition = testing::turning_definition();
  process::Table table = rows.table();
  for (const char* name : {"depth", "profile"}) {
    process::Response response;
    response.name = name;
    response.unit = "um";
    definition.responses.push_back(response);
    std::vector<double> values = honest().roughness;
    for (double& value : values) value *= 4.0 * (1.0 + 0.05 * random.normal());
    table.add(process::Column::float64(name, "um", std::move(values)));
  }
  return make_dataset(process::Process(definition), testing::source_of(std::move(table)));
}

TEST(Findings, NameValuesThatContradictTheirReading) {
  testing::Rows rows = honest();
  EXPECT_TRUE(of_kind(find_suspicious(related(rows)), FindingKind::inconsistent_reading).empty());
  rows.roughness[77] /= 10.0;  // too small to be far out in standard deviations
  rows.roughness[500] *= 100.0;
  const auto findings = find_suspicious(related(rows));
  EXPECT_EQ(of_kind(findings, FindingKind::gross_error).size(), 1U);
  const auto inconsistent = of_kind(findings, FindingKind::inconsistent_reading);
  ASSERT_EQ(inconsistent.size(), 1U);
  EXPECT_EQ(inconsistent[0].source_row, 77);
  EXPECT_EQ(inconsistent[0].column, "roughness");
  EXPECT_TRUE(says(inconsistent[0], " times too small")) << inconsistent[0].message;
}

TEST(Findings, NameDuplicatedRuns) {
  testing::Rows rows = honest();
  for (std::size_t i = 0; i < 18; ++i) {  // run 0/0/0 is entered again under another name
    rows.add("copy", rows.speed[i], rows.feed[i], rows.wear[i], rows.diameter[i], rows.position[i], rows.roughness[i]);
    rows.repeat.back() = rows.repeat[i];
  }
  const auto duplicates = of_kind(find_suspicious(testing::dataset_of(rows)), FindingKind::duplicate_run);
  ASSERT_EQ(duplicates.size(), 1U);
  EXPECT_EQ(duplicates[0].run_id, "copy");
  EXPECT_TRUE(says(duplicates[0], "all 18 measured values of run 0/0/0")) << duplicates[0].message;
}

TEST(Findings, OneEqualValueIsNoDuplicate) {
  const auto rows = testing::grid(1, 5, 1, [](int, int, int, int) { return 1.0; });
  testing::Rows single;
  for (std::size_t i = 0; i < rows.run_id.size(); i += 3) {
    single.add(rows.run_id[i], rows.speed[i], rows.feed[i], rows.wear[i], 0, 0, 2.0);
  }
  EXPECT_TRUE(of_kind(find_suspicious(testing::dataset_of(single)), FindingKind::duplicate_run).empty());
}

TEST(Findings, CoarseValuesThatAgreeEverywhereAreNoDuplicates) {
  testing::Rows coarse;
  for (int i = 0; i < 400; ++i) {  // three readings of 0 or 1 each, whatever the inputs are
    for (int k = 0; k < 3; ++k) {
      coarse.add("run" + std::to_string(i), 100.0 + i % 20, 0.1, 0, 0, k, static_cast<double>((i >> k) % 2));
    }
  }
  EXPECT_TRUE(of_kind(find_suspicious(testing::dataset_of(coarse)), FindingKind::duplicate_run).empty());
  FindingOptions any;
  any.duplicate_factor = 0.1;
  EXPECT_FALSE(of_kind(find_suspicious(testing::dataset_of(coarse), any), FindingKind::duplicate_run).empty());
}

TEST(Findings, NameWhatNeverVariesAndWhatWasNeverRun) {
  auto rows = honest();
  rows.speed.assign(rows.speed.size(), 120.0);
  rows.diameter.assign(rows.diameter.size(), 2);
  const auto findings = find_suspicious(testing::dataset_of(rows));
  const auto constant = of_kind(findings, FindingKind::constant_column);
  ASSERT_EQ(constant.size(), 2U);
  EXPECT_EQ(constant[0].column, "speed");
  EXPECT_TRUE(says(constant[0], "always 120 m/min")) << constant[0].message;
  EXPECT_EQ(constant[1].column, "diameter");
  const auto empty = of_kind(findings, FindingKind::empty_combination);
  ASSERT_EQ(empty.size(), 4U);
  EXPECT_TRUE(says(empty[0], "wear New, diameter D30")) << empty[0].message;
  EXPECT_EQ(empty[0].column, "wear, diameter");
}

TEST(Findings, AConstantResponseIsNamedOnce) {
  const auto rows = testing::grid(10, 1, 3, [](int, int, int, int) { return 1.5; });
  const auto findings = find_suspicious(testing::dataset_of(rows));
  const auto constant = of_kind(findings, FindingKind::constant_column);
  ASSERT_EQ(constant.size(), 2U);  // diameter too
  EXPECT_TRUE(says(constant[1], "roughness is 1.5 um in all 180 readings")) << constant[1].message;
}

TEST(Findings, CountWhatIsNotListed) {
  testing::Rows rows = honest();
  for (std::size_t i = 0; i < 5; ++i) rows.roughness[40 * i] *= 10.0 + static_cast<double>(i);
  const auto gross = of_kind(find_suspicious(testing::dataset_of(rows), {.most = 2}), FindingKind::gross_error);
  ASSERT_EQ(gross.size(), 2U);
  EXPECT_TRUE(says(gross[1], "(3 more of this kind are not listed.)")) << gross[1].message;
}

TEST(Findings, ThreadsChangeNothing) {
  testing::Rows rows = honest();
  process::ProcessDefinition definition = testing::turning_definition();
  process::Table table = rows.table();
  for (int r = 0; r < 5; ++r) {
    process::Response response;
    response.name = "response" + std::to_string(r);
    definition.responses.push_back(response);
    std::vector<double> values = rows.roughness;
    values[static_cast<std::size_t>(50 * r)] *= 12.0;
    table.add(process::Column::float64(response.name, "", std::move(values)));
  }
  const Dataset data = make_dataset(process::Process(definition), testing::source_of(std::move(table)));
  const auto serial = find_suspicious(data, {.threads = 1});
  const auto threaded = find_suspicious(data, {.threads = 4});
  ASSERT_EQ(serial.size(), threaded.size());
  ASSERT_GE(serial.size(), 5U);
  for (std::size_t i = 0; i < serial.size(); ++i) EXPECT_EQ(serial[i].message, threaded[i].message);
}

TEST(Findings, RefuseOptionsOutOfRange) {
  const Dataset data = testing::dataset_of(honest());
  EXPECT_THROW((void)find_suspicious(data, {.inconsistent_factor = 1.0}), core::ConfigurationError);
  EXPECT_THROW((void)find_suspicious(data, {.most = 0}), core::ConfigurationError);
}

}  // namespace
}  // namespace luban::features

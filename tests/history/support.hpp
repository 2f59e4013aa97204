#pragma once

#include <limits>
#include <string>
#include <vector>

#include <luban/core/json.hpp>
#include <luban/core/random.hpp>
#include <luban/history/content.hpp>
#include <luban/process/process.hpp>

#include "../core/folder.hpp"

namespace luban::history::testing {

inline constexpr double none = std::numeric_limits<double>::quiet_NaN();

using core::testing::Folder;
using core::testing::read_bytes;
using core::testing::write_bytes;

/// One numeric parameter, one categorical context, one noise variable whose name must be encoded, two responses.
inline process::Process small_process() {
  process::ProcessDefinition definition;
  definition.name = "small";
  process::Parameter feed;
  feed.name = "feed";
  feed.unit = "mm/rev";
  feed.low = 0.0;
  feed.high = 1.0;
  definition.parameters = {feed};
  process::ContextVariable tool;
  tool.name = "tool/wear %";
  tool.kind = process::VariableKind::categorical;
  tool.categories = {"New", "Worn"};
  definition.context = {tool};
  process::NoiseVariable position;
  position.name = "side";
  position.kind = process::VariableKind::categorical;
  position.categories = {"left", "right"};
  definition.noise = {position};
  definition.identifiers = {"order"};
  process::Response roughness;
  roughness.name = "TIC-101.PV";
  roughness.unit = "um";
  process::Response power;
  power.name = "功率";
  power.unit = "kW";
  definition.responses = {roughness, power};
  return process::Process(definition);
}

inline Provenance small_provenance(std::int64_t time) {
  Provenance entry;
  entry.who = "tester";
  entry.what = "import";
  entry.tool = "luban test";
  entry.input_name = "small.csv";
  entry.input_digest = std::string(64, 'a');
  entry.time = time;
  return entry;
}

/// An import of `runs` runs with `repeats` readings each; run ids begin with `prefix`. Every seventh first response
/// is missing, the second response is there for every third reading.
inline Content small_import(std::size_t runs, std::size_t repeats, const std::string& prefix = "run-",
                            std::int64_t time = 1000, std::uint64_t seed = 1) {
  core::Generator random = core::RandomKey(seed).generator();
  Content content;
  content.process = {{small_process().to_json().dump(), "", time}};
  content.provenance = {small_provenance(time)};
  std::vector<double> feed, order;
  std::vector<std::int32_t> tool, position;
  std::vector<std::string> operators;
  ResponseEvents rough, power;
  rough.name = "TIC-101.PV";
  rough.unit = "um";
  power.name = "功率";
  power.unit = "kW";
  for (std::size_t r = 0; r < runs; ++r) {
    content.runs.run_id.push_back(prefix + std::to_string(r));
    content.runs.group.push_back("g" + std::to_string(r % 3));
    feed.push_back(random.uniform());
    order.push_back(static_cast<double>(r));
    tool.push_back(static_cast<std::int32_t>(r % 3) - 1);  // −1: missing
    for (std::size_t k = 0; k < repeats; ++k) {
      const auto reading = static_cast<std::int64_t>(content.readings.run.size());
      content.readings.run.push_back(static_cast<std::int64_t>(r));
      content.readings.repeat.push_back(static_cast<std::int64_t>(k) + 1);
      position.push_back(static_cast<std::int32_t>(random.below(2)));
      operators.push_back(random.below(2) == 0 ? "Zoë" : "");
      if (reading % 7 != 0) {
        rough.reading.push_back(reading);
        rough.value.push_back(random.normal());
        rough.time.push_back(time);
      }
      if (reading % 3 == 0) {
        power.reading.push_back(reading);
        power.value.push_back(random.uniform());
        power.time.push_back(time);
      }
    }
  }
  content.runs.parameters.add(process::Column::float64("feed", "mm/rev", feed));
  content.runs.context.add(process::Column::code("tool/wear %", {"New", "Worn"}, tool));
  content.runs.identifiers.add(process::Column::float64("order", "", order));
  content.readings.noise.add(process::Column::code("side", {"left", "right"}, position));
  content.readings.auxiliary.add(process::Column::string("operator", operators));
  content.responses = {rough, power};
  return content;
}

/// A history made of one import.
inline Content small_history(std::size_t runs, std::size_t repeats) {
  Content history;
  merge(history, small_import(runs, repeats));
  return history;
}

}  // namespace luban::history::testing

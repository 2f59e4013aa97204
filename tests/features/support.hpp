#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <luban/core/random.hpp>
#include <luban/features/dataset.hpp>
#include <luban/process/process.hpp>
#include <luban/process/table.hpp>

namespace luban::features::testing {

/// Speed and feed, two context categories, one noise variable, one response.
inline process::ProcessDefinition turning_definition(std::vector<std::string> groups = {}) {
  process::ProcessDefinition definition;
  definition.name = "turning";
  process::Parameter speed;
  speed.name = "speed";
  speed.unit = "m/min";
  speed.low = 100.0;
  speed.high = 300.0;
  process::Parameter feed;
  feed.name = "feed";
  feed.unit = "mm/rev";
  feed.low = 0.05;
  feed.high = 0.15;
  definition.parameters = {speed, feed};
  process::ContextVariable wear;
  wear.name = "wear";
  wear.kind = process::VariableKind::categorical;
  wear.categories = {"New", "Worn"};
  process::ContextVariable diameter;
  diameter.name = "diameter";
  diameter.kind = process::VariableKind::ordinal;
  diameter.categories = {"D30", "D40", "D50"};
  definition.context = {wear, diameter};
  process::NoiseVariable position;
  position.name = "position";
  position.kind = process::VariableKind::categorical;
  position.categories = {"Chuck", "Middle", "End"};
  definition.noise = {position};
  process::Response roughness;
  roughness.name = "roughness";
  roughness.unit = "um";
  definition.responses = {roughness};
  definition.groups = std::move(groups);
  return definition;
}

/// Rows of readings as columns, to be changed by a test before they become a source.
struct Rows {
  std::vector<std::string> run_id;
  std::vector<double> speed, feed, repeat, roughness;
  std::vector<std::int32_t> wear, diameter, position;

  void add(const std::string& run, double speed_value, double feed_value, int wear_code, int diameter_code,
           int position_code, double value) {
    run_id.push_back(run);
    speed.push_back(speed_value);
    feed.push_back(feed_value);
    wear.push_back(wear_code);
    diameter.push_back(diameter_code);
    position.push_back(position_code);
    repeat.push_back(static_cast<double>(run_id.size()));
    roughness.push_back(value);
  }
  [[nodiscard]] process::Table table() const {
    using process::Column;
    return process::Table({Column::string("run_id", run_id), Column::float64("repeat", "", repeat),
                           Column::float64("speed", "m/min", speed), Column::float64("feed", "mm/rev", feed),
                           Column::code("wear", {"New", "Worn"}, wear),
                           Column::code("diameter", {"D30", "D40", "D50"}, diameter),
                           Column::code("position", {"Chuck", "Middle", "End"}, position),
                           Column::float64("roughness", "um", roughness)});
  }
};

inline process::MemorySource source_of(process::Table table) {
  return {std::make_shared<const process::Table>(std::move(table)), process::Grain::readings};
}

/// `settings` settings × 2 wear states × `runs` runs × 3 positions × `readings` readings; the value comes from
/// `value(setting, wear, run, position)`.
inline Rows grid(int settings, int runs, int readings, const std::function<double(int, int, int, int)>& value) {
  Rows rows;
  for (int s = 0; s < settings; ++s) {
    for (int w = 0; w < 2; ++w) {
      for (int r = 0; r < runs; ++r) {
        const std::string id = std::to_string(s) + "/" + std::to_string(w) + "/" + std::to_string(r);
        for (int p = 0; p < 3; ++p) {
          for (int k = 0; k < readings; ++k) {
            rows.add(id, 100.0 + 10.0 * s, 0.05 + 0.002 * s, w, 0, p, value(s, w, r, p));
          }
        }
      }
    }
  }
  return rows;
}

inline Dataset dataset_of(const Rows& rows, std::vector<std::string> groups = {}) {
  return make_dataset(process::Process(turning_definition(std::move(groups))), source_of(rows.table()));
}

}  // namespace luban::features::testing

#pragma once

#include <string>
#include <vector>

#include <luban/core/json.hpp>
#include <luban/process/export.hpp>
#include <luban/process/run.hpp>

namespace luban::process {

/// The region that training data covered: made at fit, stored in the artefact, read by whoever must say
/// "this is new". Distances are Mahalanobis distances over the numeric parameters and context.
struct LUBAN_PROCESS_EXPORT TrainingEnvelope {
  std::vector<std::string> names;                      ///< numeric variables, in order (k)
  std::vector<double> mean;                            ///< (k), in the variables' units
  std::vector<double> scale;                           ///< (k), > 0
  std::vector<double> inverse_covariance;              ///< (k × k) row-major, of the standardised variables
  std::vector<double> quantile_levels;                 ///< e.g. 0.5 … 0.999
  std::vector<double> distance_quantiles;              ///< of left-out groups' distances, same length
  std::vector<std::string> category_names;             ///< categorical variables, in order
  std::vector<std::vector<std::string>> combinations;  ///< seen combinations of their categories

  /// Distance of a point (numeric variables in the order of `names`). @throws DataError on a wrong length.
  [[nodiscard]] double distance(const std::vector<double>& values) const;
  [[nodiscard]] core::Json to_json() const;
  [[nodiscard]] static TrainingEnvelope from_json(const core::Json& json);  ///< @throws DataError
};

/// Settings that are known to work for a context: where the line goes when in doubt.
struct LUBAN_PROCESS_EXPORT GoldenSet {
  std::vector<NamedValue> context;  ///< empty = for every context
  Recipe recipe;
  std::string source;  ///< who set it, from what evidence
};

}  // namespace luban::process

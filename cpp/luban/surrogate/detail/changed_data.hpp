#pragma once

#include <string>
#include <vector>

#include <luban/features/dataset.hpp>
#include <luban/surrogate/detail/training_data.hpp>

namespace luban::surrogate::detail {

/// Readings of one response that are to join others: weighted means with the names of their runs.
struct NewReadings {
  features::Reduction means;
  std::vector<std::string> run_ids;  ///< what means.run points to
  [[nodiscard]] Eigen::Index count() const noexcept { return means.mean.size(); }
};

/// All that have a value, each of weight 1; no count when none has. @param reduced false: each reading is a mean and a
/// run of its own, as where runs are single readings.
[[nodiscard]] NewReadings new_readings(const features::Dataset& data, Eigen::Index response, bool reduced);

/// Where a new mean belongs among the rows of training data.
struct Place {
  std::ptrdiff_t run = -1;  ///< of TrainingData::runs; −1 = a new run
  Eigen::Index row = -1;    ///< the mean of the same run at the same point; −1 = none
};
/// @param reduced as above; false: all places are new.
[[nodiscard]] std::vector<Place> places_of(const TrainingData& data, const NewReadings& added, bool reduced);

/// Training data after a change: the old rows but the removed ones, then the added ones.
struct ChangedData {
  TrainingData data;
  std::vector<Eigen::Index> removed;  ///< rows of the old data, ascending
  Eigen::Index added = 0;
};
/// New readings of a mean that is there already make one mean of all of them, which counts as removed and added.
/// Location and scale stay.
[[nodiscard]] ChangedData with_readings(const TrainingData& data, const NewReadings& added, bool reduced);
/// Without the runs of these names; names that are not there are passed over. At least one row must remain.
[[nodiscard]] ChangedData without_runs(const TrainingData& data, const std::vector<std::string>& run_ids);

}  // namespace luban::surrogate::detail

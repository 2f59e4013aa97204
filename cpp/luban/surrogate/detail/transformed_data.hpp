#pragma once

#include <memory>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/features/dataset.hpp>
#include <luban/surrogate/response_transform.hpp>

namespace luban::surrogate::detail {

/// Values (n) of one response without gross errors: what a transform is fitted to.
[[nodiscard]] Eigen::VectorXd honest_values(const features::Dataset& data, Eigen::Index response, bool robust);

/// The dataset with one response replaced by what is learned of it; its unit is no longer that of the process. Values
/// outside the transform's domain are missing.
void transform_response(const ResponseTransform& transform, Eigen::Index response, features::Dataset& data);

}  // namespace luban::surrogate::detail

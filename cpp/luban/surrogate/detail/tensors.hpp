#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <luban/core/error.hpp>
#include <luban/surrogate/artefact.hpp>

namespace luban::surrogate::detail {

// Between Eigen and an artefact's row-major tensors.
[[nodiscard]] Tensor to_tensor(const Eigen::MatrixXd& matrix);
[[nodiscard]] Tensor to_tensor(const Eigen::VectorXd& vector);

// @throws IntegrityError when the tensor is missing or of another type or rank.
[[nodiscard]] Eigen::MatrixXd matrix_from(const Artefact& artefact, const std::string& name);
[[nodiscard]] Eigen::VectorXd vector_from(const Artefact& artefact, const std::string& name);
[[nodiscard]] std::vector<std::int64_t> integers_from(const Artefact& artefact, const std::string& name);

/// @throws IntegrityError unless `right`.
void require_intact(bool right, const std::string& expected, const std::string& name);

/// Metadata that is missing or of another type, as what it is for a reader. @throws IntegrityError always.
[[noreturn]] void throw_damaged(const char* where, const core::DataError& error);

}  // namespace luban::surrogate::detail

#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/surrogate/detail/factor.hpp>
#include <luban/surrogate/export.hpp>

namespace luban::surrogate::detail {

/// Makes a factor whose hyperparameters begin at `first_parameter` of theta.
using MakeFactor = std::unique_ptr<Factor> (*)(const FactorSpec& spec, const features::Encoder& encoder,
                                               const InputLayout& layout, Eigen::Index first_parameter);

/// A kernel by its full name; each is made in the file of that name beside this one.
struct KernelEntry {
  FactorKind kind;
  std::string_view name;
  bool of_categories;  ///< of the categorical inputs, not of the numeric and ordinal ones
  MakeFactor make;
};
[[nodiscard]] LUBAN_SURROGATE_EXPORT const std::vector<KernelEntry>& kernels();
[[nodiscard]] LUBAN_SURROGATE_EXPORT const KernelEntry& kernel(FactorKind kind);

std::unique_ptr<Factor> make_rbf(const FactorSpec&, const features::Encoder&, const InputLayout&, Eigen::Index);
std::unique_ptr<Factor> make_matern12(const FactorSpec&, const features::Encoder&, const InputLayout&, Eigen::Index);
std::unique_ptr<Factor> make_matern32(const FactorSpec&, const features::Encoder&, const InputLayout&, Eigen::Index);
std::unique_ptr<Factor> make_matern52(const FactorSpec&, const features::Encoder&, const InputLayout&, Eigen::Index);
std::unique_ptr<Factor> make_linear(const FactorSpec&, const features::Encoder&, const InputLayout&, Eigen::Index);
std::unique_ptr<Factor> make_periodic(const FactorSpec&, const features::Encoder&, const InputLayout&, Eigen::Index);
std::unique_ptr<Factor> make_categorical(const FactorSpec&, const features::Encoder&, const InputLayout&, Eigen::Index);
std::unique_ptr<Factor> make_embedding(const FactorSpec&, const features::Encoder&, const InputLayout&, Eigen::Index);
std::unique_ptr<Factor> make_forgetting(const FactorSpec&, const features::Encoder&, const InputLayout&, Eigen::Index);
std::unique_ptr<Factor> make_coregionalisation(const FactorSpec&, const features::Encoder&, const InputLayout&,
                                               Eigen::Index);

/// Dimensions for the categories of one input: those asked for, 2 where none are, never more than tell them all apart.
[[nodiscard]] Eigen::Index rank_of(const FactorSpec& spec, Eigen::Index levels);
/// @throws ConfigurationError unless a factor of one input looks at exactly one.
void require_one_input(const FactorSpec& spec, const std::vector<Eigen::Index>& inputs, const char* what);

}  // namespace luban::surrogate::detail

"""Glucose and insulin from meal to meal, with or without the body's own insulin."""

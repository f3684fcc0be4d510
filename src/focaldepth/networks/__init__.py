"""Networks: one file of facts each, their layers in `modules`, what they share in files with a leading underscore."""

// What @grafana/schema says of a dashboard, with its enums as the strings they are in JSON, and with what Grafana's
// InfluxDB data source adds to an annotation.
import type { AnnotationQuery, Dashboard } from "@grafana/schema";

type Json<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Json<T[K]> } : T;

interface Columns {
  query: string;
  textColumn: string;
  tagsColumn: string;
}

export type Checked = Omit<Json<Dashboard>, "annotations"> & {
  annotations: { list: (Json<AnnotationQuery> & Partial<Columns>)[] };
};

import type ts from 'typescript';

export function reasonNumber(id: string): number;
export function inlineConstants(checker: ts.TypeChecker): ts.TransformerFactory<ts.SourceFile>;

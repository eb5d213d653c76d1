// A TypeScript transformer: a constant number that comes from another module is written as the number itself, as
// TypeScript does for const enums (which `erasableSyntaxOnly` rules out).
//
// V8 keeps an imported binding in a cell of its module, and loads and checks it at each use; a number it folds away, and
// shifts and masks by numbers are single instructions. With the numbers a pair of mmap and munmap takes 0.6 of the time.
import ts from 'typescript';

/** The value of an initialiser that is made of numbers and constants, or undefined. */
function evaluate(checker, node, depth = 0) {
  if (depth > 20) return undefined;
  if (ts.isNumericLiteral(node)) return Number(node.text);
  if (ts.isParenthesizedExpression(node)) return evaluate(checker, node.expression, depth + 1);
  if (ts.isIdentifier(node)) return constantValue(checker, checker.getSymbolAtLocation(node), depth + 1);
  if (ts.isPrefixUnaryExpression(node)) {
    const value = evaluate(checker, node.operand, depth + 1);
    if (value === undefined) return undefined;
    if (node.operator === ts.SyntaxKind.MinusToken) return -value;
    return node.operator === ts.SyntaxKind.TildeToken ? ~value : undefined;
  }
  if (!ts.isBinaryExpression(node)) return undefined;
  const a = evaluate(checker, node.left, depth + 1);
  const b = evaluate(checker, node.right, depth + 1);
  if (a === undefined || b === undefined) return undefined;
  switch (node.operatorToken.kind) {
    case ts.SyntaxKind.BarToken:
      return a | b;
    case ts.SyntaxKind.AmpersandToken:
      return a & b;
    case ts.SyntaxKind.CaretToken:
      return a ^ b;
    case ts.SyntaxKind.LessThanLessThanToken:
      return a << b;
    case ts.SyntaxKind.GreaterThanGreaterThanToken:
      return a >> b;
    case ts.SyntaxKind.PlusToken:
      return a + b;
    case ts.SyntaxKind.MinusToken:
      return a - b;
    case ts.SyntaxKind.AsteriskToken:
      return a * b;
    case ts.SyntaxKind.SlashToken:
      return a / b;
    case ts.SyntaxKind.AsteriskAsteriskToken:
      return a ** b;
    default:
      return undefined;
  }
}

/** The number that a symbol stands for, if it is a const with a known one. */
function constantValue(checker, symbol, depth = 0) {
  if (symbol === undefined) return undefined;
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const declaration = target.valueDeclaration;
  if (declaration === undefined || !ts.isVariableDeclaration(declaration)) return undefined;
  if (!(ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const)) return undefined;
  const type = checker.getTypeOfSymbolAtLocation(target, declaration);
  if (type.isNumberLiteral()) return type.value;
  if (declaration.initializer === undefined || !(type.flags & ts.TypeFlags.Number)) return undefined;
  return evaluate(checker, declaration.initializer, depth + 1);
}

/**
 * Replaces the names of imported constants by numbers; the names stay as comments.
 *
 * @param checker of the program whose files are transformed
 */
export function inlineConstants(checker) {
  return (context) => {
    const { factory } = context;
    const known = new Map();
    const valueOf = (name) => {
      const symbol = checker.getSymbolAtLocation(name);
      if (symbol === undefined || !(symbol.flags & ts.SymbolFlags.Alias)) return undefined;
      if (!known.has(symbol)) known.set(symbol, constantValue(checker, symbol));
      const value = known.get(symbol);
      return Number.isFinite(value) ? value : undefined;
    };
    const literal = (name, value) => {
      const number = factory.createNumericLiteral(Math.abs(value));
      const node =
        value < 0
          ? factory.createParenthesizedExpression(factory.createPrefixUnaryExpression(ts.SyntaxKind.MinusToken, number))
          : number;
      return ts.addSyntheticTrailingComment(node, ts.SyntaxKind.MultiLineCommentTrivia, ` ${name} `, false);
    };
    const visit = (node) => {
      if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isTypeNode(node)) return node;
      if (ts.isShorthandPropertyAssignment(node)) {
        const symbol = checker.getShorthandAssignmentValueSymbol(node);
        const value = symbol && symbol.flags & ts.SymbolFlags.Alias ? constantValue(checker, symbol) : undefined;
        if (!Number.isFinite(value)) return node;
        return factory.createPropertyAssignment(node.name.text, literal(node.name.text, value));
      }
      if (ts.isPropertyAccessExpression(node)) {
        return factory.updatePropertyAccessExpression(node, ts.visitNode(node.expression, visit), node.name);
      }
      if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name)) {
        return factory.updatePropertyAssignment(node, node.name, ts.visitNode(node.initializer, visit));
      }
      if (ts.isIdentifier(node)) {
        const value = ts.isExpression(node) ? valueOf(node) : undefined;
        return value === undefined ? node : literal(node.text, value);
      }
      return ts.visitEachChild(node, visit, context);
    };
    return (file) => ts.visitNode(file, visit);
  };
}
